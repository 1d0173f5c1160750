using ILGPU;

namespace Coppice.Kernels.Gpu;

/// <summary>Eight codes of weights as signed bytes, and their parameters.</summary>
internal struct CodeChunk
{
    internal uint A, B;
    internal float Scale, Minimum;
}

/// <summary>Eight activations as signed bytes: x = Scale · byte. Sum is the sum of the bytes.</summary>
internal struct RoundedChunk
{
    internal uint A, B;
    internal float Scale, Sum;
}

/// <summary>Weights that are codes, for products with activations that are bytes too.</summary>
internal interface IDeviceCodes : IDeviceWeights
{
    /// <summary>The codes of chunk <paramref name="chunk"/> of a loaded slot.</summary>
    static abstract CodeChunk Chunk(DeviceSlot slot, int chunk);
    /// <summary>The codes of one chunk alone.</summary>
    static abstract CodeChunk LoadChunk(DeviceMatrix matrix, int at, int chunk);
    /// <summary>sum + Σ x w over a chunk, exact in integers but for its scales.</summary>
    static abstract float Add(float sum, CodeChunk w, RoundedChunk x);
}

/// <summary>Codes of 8 bits: w = scale · (byte - 128).</summary>
internal readonly struct Q8Weights : IDeviceCodes
{
    public static int Chunks => 2;

    public static DeviceSlot Load(DeviceMatrix matrix, int at) =>
        new() { First = matrix.Weights[at], Second = new Words4 { A = matrix.Parameters[at >> 2] } };

    public static Float8 Widen(DeviceSlot slot, int chunk) => chunk == 0
        ? Widen(slot.First.A, slot.First.B, DeviceCodes.Low(slot.Second.A))
        : Widen(slot.First.C, slot.First.D, DeviceCodes.High(slot.Second.A));

    public static Float8 Load8(DeviceMatrix matrix, int at, int chunk)
    {
        var codes = matrix.Weights.Cast<Words2>()[2 * (long)at + chunk];
        return Widen(codes.A, codes.B, DeviceCodes.Low(matrix.Parameters[at >> 2] >> (16 * chunk)));
    }

    public static CodeChunk Chunk(DeviceSlot slot, int chunk) => chunk == 0
        ? Chunk(slot.First.A, slot.First.B, DeviceCodes.Low(slot.Second.A))
        : Chunk(slot.First.C, slot.First.D, DeviceCodes.High(slot.Second.A));

    public static CodeChunk LoadChunk(DeviceMatrix matrix, int at, int chunk)
    {
        var codes = matrix.Weights.Cast<Words2>()[2 * (long)at + chunk];
        return Chunk(codes.A, codes.B, DeviceCodes.Low(matrix.Parameters[at >> 2] >> (16 * chunk)));
    }

    public static float Add(float sum, CodeChunk w, RoundedChunk x) =>
        DeviceMath.FusedMultiplyAdd(DeviceCodes.Dot(w.A, w.B, x.A, x.B), DeviceMath.FusedMultiplyAdd(w.Scale, x.Scale, 0f), sum);

    /// <summary>A byte is 128 more than its code; with the highest bit turned over it is the code with its sign.</summary>
    private static CodeChunk Chunk(uint low, uint high, float scale) =>
        new() { A = low ^ 0x80808080u, B = high ^ 0x80808080u, Scale = scale };

    public static float Load(DeviceMatrix matrix, int row, int column)
    {
        var place = new ChunkPlace(column, Chunks);
        var at = row * matrix.Slots + place.Slot;
        var code = matrix.Weights.Cast<byte>()[16L * at + 8 * place.Chunk + place.Element];
        return DeviceMath.FusedMultiplyAdd(code - 128, DeviceCodes.Low(matrix.Parameters[at >> 2] >> (16 * place.Chunk)), 0f);
    }

    private static Float8 Widen(uint low, uint high, float scale) => new() { Low = Widen(low, scale), High = Widen(high, scale) };

    private static Float4 Widen(uint codes, float scale)
    {
        const float offset = 128f;
        var upper = codes >> 16;
        return new Float4
        {
            X = DeviceMath.FusedMultiplyAdd(DeviceCodes.Byte0(codes) - (DeviceCodes.At0 + offset), scale, 0f),
            Y = DeviceMath.FusedMultiplyAdd(DeviceCodes.Byte1(codes) - (DeviceCodes.At8 + offset), scale, 0f),
            Z = DeviceMath.FusedMultiplyAdd(DeviceCodes.Byte0(upper) - (DeviceCodes.At0 + offset), scale, 0f),
            W = DeviceMath.FusedMultiplyAdd(DeviceCodes.Byte1(upper) - (DeviceCodes.At8 + offset), scale, 0f),
        };
    }
}

/// <summary>Codes of 4 bits: w = scale · code + minimum, rounded once.</summary>
internal readonly struct Q4Weights : IDeviceCodes
{
    public static int Chunks => 4;

    public static DeviceSlot Load(DeviceMatrix matrix, int at) =>
        new() { First = matrix.Weights[at], Second = matrix.Parameters.Cast<Words4>()[at >> 2] };

    public static Float8 Widen(DeviceSlot slot, int chunk) =>
        Widen(DeviceCodes.Word(slot.First, chunk), DeviceCodes.Word(slot.Second, chunk));

    public static Float8 Load8(DeviceMatrix matrix, int at, int chunk) =>
        Widen(matrix.Weights.Cast<uint>()[4 * (long)at + chunk], matrix.Parameters[4 * (long)(at >> 2) + chunk]);

    public static CodeChunk Chunk(DeviceSlot slot, int chunk) =>
        Chunk(DeviceCodes.Word(slot.First, chunk), DeviceCodes.Word(slot.Second, chunk));

    public static CodeChunk LoadChunk(DeviceMatrix matrix, int at, int chunk) =>
        Chunk(matrix.Weights.Cast<uint>()[4 * (long)at + chunk], matrix.Parameters[4 * (long)(at >> 2) + chunk]);

    /// <summary>sum + x.scale (scale Σ code x + minimum Σ x).</summary>
    public static float Add(float sum, CodeChunk w, RoundedChunk x)
    {
        var scaled = DeviceMath.FusedMultiplyAdd(DeviceCodes.Dot(w.A, w.B, x.A, x.B), w.Scale, 0f);
        return DeviceMath.FusedMultiplyAdd(DeviceMath.FusedMultiplyAdd(w.Minimum, x.Sum, scaled), x.Scale, sum);
    }

    private static CodeChunk Chunk(uint codes, uint parameters) => new()
    {
        A = codes & 0x0f0f0f0fu,
        B = (codes >> 4) & 0x0f0f0f0fu,
        Scale = DeviceCodes.Low(parameters),
        Minimum = DeviceCodes.High(parameters),
    };

    public static float Load(DeviceMatrix matrix, int row, int column)
    {
        var place = new ChunkPlace(column, Chunks);
        var at = row * matrix.Slots + place.Slot;
        var codes = matrix.Weights.Cast<uint>()[4 * (long)at + place.Chunk];
        var code = (codes >> (8 * (place.Element & 3) + 4 * (place.Element >> 2))) & 15u;
        var parameters = matrix.Parameters[4 * (long)(at >> 2) + place.Chunk];
        return DeviceMath.FusedMultiplyAdd(code, DeviceCodes.Low(parameters), DeviceCodes.High(parameters));
    }

    private static Float8 Widen(uint codes, uint parameters)
    {
        var (scale, minimum) = (DeviceCodes.Low(parameters), DeviceCodes.High(parameters));
        var upper = codes >> 20;
        return new Float8
        {
            Low = new Float4
            {
                X = DeviceMath.FusedMultiplyAdd(DeviceCodes.Half0(codes) - DeviceCodes.At0, scale, minimum),
                Y = DeviceMath.FusedMultiplyAdd(DeviceCodes.Half2(codes) - DeviceCodes.At8, scale, minimum),
                Z = DeviceMath.FusedMultiplyAdd(DeviceCodes.Half4(codes) - DeviceCodes.At16, scale, minimum),
                W = DeviceMath.FusedMultiplyAdd(DeviceCodes.Half1(upper) - DeviceCodes.At4, scale, minimum),
            },
            High = new Float4
            {
                X = DeviceMath.FusedMultiplyAdd(DeviceCodes.Half1(codes) - DeviceCodes.At4, scale, minimum),
                Y = DeviceMath.FusedMultiplyAdd(DeviceCodes.Half3(codes) - DeviceCodes.At12, scale, minimum),
                Z = DeviceMath.FusedMultiplyAdd(DeviceCodes.Half0(upper) - DeviceCodes.At0, scale, minimum),
                W = DeviceMath.FusedMultiplyAdd(DeviceCodes.Half2(upper) - DeviceCodes.At8, scale, minimum),
            },
        };
    }
}

/// <summary>Where a weight of a quantised row lies.</summary>
internal readonly struct ChunkPlace(int column, int chunksOfSlot)
{
    /// <summary>Slot of the row.</summary>
    internal readonly int Slot =
        column / (32 * chunksOfSlot) * GpuWeightLayout.UnitSlots + column / GpuWeightLayout.Chunk % GpuWeightLayout.UnitSlots;
    /// <summary>Chunk of the slot.</summary>
    internal readonly int Chunk = column / 32 % chunksOfSlot;
    /// <summary>Element of the chunk.</summary>
    internal readonly int Element = column % GpuWeightLayout.Chunk;
}

/// <summary>Codes of a word as floats without a conversion, which a GPU does at a quarter of the speed of an addition.</summary>
/// <remarks>
/// Bits p … of a word, left where they are and given the exponent 23 - p, are the mantissa of 2^(23 - p) + code, from which the power of
/// two
/// is subtracted exactly. Halves are numbered from the lowest of the word, and bytes too.
/// </remarks>
internal static class DeviceCodes
{
    internal const float At0 = 1 << 23, At4 = 1 << 19, At8 = 1 << 15, At12 = 1 << 11, At16 = 1 << 7;

    internal static float Byte0(uint word) => Interop.IntAsFloat(DeviceMath.Select(word, 0xffu, 0x4b000000u));
    internal static float Byte1(uint word) => Interop.IntAsFloat(DeviceMath.Select(word, 0xff00u, 0x47000000u));
    internal static float Half0(uint word) => Interop.IntAsFloat(DeviceMath.Select(word, 0xfu, 0x4b000000u));
    internal static float Half1(uint word) => Interop.IntAsFloat(DeviceMath.Select(word, 0xf0u, 0x49000000u));
    internal static float Half2(uint word) => Interop.IntAsFloat(DeviceMath.Select(word, 0xf00u, 0x47000000u));
    internal static float Half3(uint word) => Interop.IntAsFloat(DeviceMath.Select(word, 0xf000u, 0x45000000u));
    internal static float Half4(uint word) => Interop.IntAsFloat(DeviceMath.Select(word, 0xf0000u, 0x43000000u));

    /// <summary>Σ over eight pairs of signed bytes.</summary>
    /// <remarks>A sum that begins as the bits of 1.5 · 2^23 ends as those of a float if it is below 2^22; it is below 2^17.</remarks>
    internal static float Dot(uint a0, uint a1, uint b0, uint b1)
    {
        const uint zero = 0x4b400000;
        return Interop.IntAsFloat(DeviceMath.Dot4(a0, b0, DeviceMath.Dot4(a1, b1, zero))) - RoundingOffset;
    }

    /// <summary>1.5 · 2^23: a sum with it is rounded to an integer, nearest even, which its lowest bits hold in two's complement.</summary>
    internal const float RoundingOffset = 12582912f;

    /// <summary>The binary16 in the lower half.</summary>
    internal static float Low(uint word) => DeviceF16.Widen((ushort)(word & 0xffffu));
    /// <summary>The binary16 in the upper half.</summary>
    internal static float High(uint word) => DeviceF16.Widen((ushort)(word >> 16));

    internal static uint Word(Words4 words, int index) => index == 0 ? words.A : index == 1 ? words.B : index == 2 ? words.C : words.D;
}
