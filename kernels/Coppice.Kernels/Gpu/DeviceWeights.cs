using System.Runtime.CompilerServices;
using ILGPU;

namespace Coppice.Kernels.Gpu;

/// <summary>A weight matrix as kernels see it; see <see cref="GpuWeightLayout"/>.</summary>
internal readonly struct DeviceMatrix(ArrayView<UInt4> weights, ArrayView<uint> parameters, int slots)
{
    /// <summary>[outputs, slots], 16 bytes each, two of them where weights are F32.</summary>
    internal readonly ArrayView<UInt4> Weights = weights;
    /// <summary>Scales and minima of quantised formats.</summary>
    internal readonly ArrayView<uint> Parameters = parameters;
    /// <summary>Slots of a row.</summary>
    internal readonly int Slots = slots;
}

/// <summary>What a lane has loaded of one slot: 8 weights of F32 in both, of 16 bits in the first; or codes and parameters.</summary>
internal struct DeviceSlot
{
    internal UInt4 First, Second;
}

/// <summary>How device code reads the weights of one format. Slot <c>at</c> is row · slots + slot; a chunk is 8 weights.</summary>
internal interface IDeviceWeights
{
    /// <summary>Chunks of a slot: 1, 2 or 4, which lie 32 weights apart in their row.</summary>
    static abstract int Chunks { get; }
    /// <summary>All of a slot, in 16-byte loads.</summary>
    static abstract DeviceSlot Load(DeviceMatrix matrix, int at);
    /// <summary>The weights of chunk <paramref name="chunk"/> of a loaded slot.</summary>
    static abstract Float8 Widen(DeviceSlot slot, int chunk);
    /// <summary>The weights of one chunk alone.</summary>
    static abstract Float8 Load8(DeviceMatrix matrix, int at, int chunk);
    /// <summary>One weight.</summary>
    static abstract float Load(DeviceMatrix matrix, int row, int column);
}

/// <summary>Weights as they are.</summary>
internal readonly struct Weights<T> : IDeviceWeights where T : unmanaged, IDeviceElement<T>
{
    public static int Chunks => 1;

    public static DeviceSlot Load(DeviceMatrix matrix, int at) => T.LoadSlot(matrix.Weights, at);

    public static Float8 Widen(DeviceSlot slot, int chunk) => T.Widen(slot);

    public static Float8 Load8(DeviceMatrix matrix, int at, int chunk) => T.Load8(matrix.Weights, at);

    public static float Load(DeviceMatrix matrix, int row, int column) =>
        T.ToSingle(matrix.Weights.Cast<T>()[(long)row * (GpuWeightLayout.Chunk * matrix.Slots) + column]);
}

/// <summary>Codes of 8 bits: w = scale · (byte - 128).</summary>
internal readonly struct Q8Weights : IDeviceWeights
{
    public static int Chunks => 2;

    public static DeviceSlot Load(DeviceMatrix matrix, int at) => new() { First = matrix.Weights[at], Second = new UInt4 { A = matrix.Parameters[at >> 2] } };

    public static Float8 Widen(DeviceSlot slot, int chunk) =>
        chunk == 0 ? Widen(slot.First.A, slot.First.B, DeviceCodes.Low(slot.Second.A)) : Widen(slot.First.C, slot.First.D, DeviceCodes.High(slot.Second.A));

    public static Float8 Load8(DeviceMatrix matrix, int at, int chunk)
    {
        var codes = matrix.Weights.Cast<UInt2>()[2 * (long)at + chunk];
        return Widen(codes.A, codes.B, DeviceCodes.Low(matrix.Parameters[at >> 2] >> (16 * chunk)));
    }

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
internal readonly struct Q4Weights : IDeviceWeights
{
    public static int Chunks => 4;

    public static DeviceSlot Load(DeviceMatrix matrix, int at) =>
        new() { First = matrix.Weights[at], Second = matrix.Parameters.Cast<UInt4>()[at >> 2] };

    public static Float8 Widen(DeviceSlot slot, int chunk) => Widen(DeviceCodes.Word(slot.First, chunk), DeviceCodes.Word(slot.Second, chunk));

    public static Float8 Load8(DeviceMatrix matrix, int at, int chunk) =>
        Widen(matrix.Weights.Cast<uint>()[4 * (long)at + chunk], matrix.Parameters[4 * (long)(at >> 2) + chunk]);

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
    internal readonly int Slot = column / (32 * chunksOfSlot) * GpuWeightLayout.UnitSlots + column / GpuWeightLayout.Chunk % GpuWeightLayout.UnitSlots;
    /// <summary>Chunk of the slot.</summary>
    internal readonly int Chunk = column / 32 % chunksOfSlot;
    /// <summary>Element of the chunk.</summary>
    internal readonly int Element = column % GpuWeightLayout.Chunk;
}

/// <summary>Codes of a word as floats without a conversion, which a GPU does at a quarter of the speed of an addition.</summary>
/// <remarks>
/// Bits p … of a word, left where they are and given the exponent 23 - p, are the mantissa of 2^(23 - p) + code, from which the power of two is subtracted exactly. A mask and
/// an exponent are one three-input logic instruction. Halves are numbered from the lowest of the word, and bytes too.
/// </remarks>
internal static class DeviceCodes
{
    internal const float At0 = 1 << 23, At4 = 1 << 19, At8 = 1 << 15, At12 = 1 << 11, At16 = 1 << 7;

    internal static float Byte0(uint word) => Interop.IntAsFloat((word & 0xffu) | 0x4b000000u);
    internal static float Byte1(uint word) => Interop.IntAsFloat((word & 0xff00u) | 0x47000000u);
    internal static float Half0(uint word) => Interop.IntAsFloat((word & 0xfu) | 0x4b000000u);
    internal static float Half1(uint word) => Interop.IntAsFloat((word & 0xf0u) | 0x49000000u);
    internal static float Half2(uint word) => Interop.IntAsFloat((word & 0xf00u) | 0x47000000u);
    internal static float Half3(uint word) => Interop.IntAsFloat((word & 0xf000u) | 0x45000000u);
    internal static float Half4(uint word) => Interop.IntAsFloat((word & 0xf0000u) | 0x43000000u);

    /// <summary>The binary16 in the lower half.</summary>
    internal static float Low(uint word) => DeviceF16.Widen((ushort)(word & 0xffffu));
    /// <summary>The binary16 in the upper half.</summary>
    internal static float High(uint word) => DeviceF16.Widen((ushort)(word >> 16));

    internal static uint Word(UInt4 words, int index) => index == 0 ? words.A : index == 1 ? words.B : index == 2 ? words.C : words.D;
}

/// <summary>Something to run with the reader of a format.</summary>
internal interface IDeviceWeightsCall
{
    void Run<T>() where T : struct, IDeviceWeights;
}

/// <summary>From the name of a format to its reader: the one place that knows both.</summary>
internal static class DeviceWeightsDispatch
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Dispatch<TCall>(this MatrixFormat format, TCall call) where TCall : struct, IDeviceWeightsCall
    {
        switch (format)
        {
            case MatrixFormat.F32: call.Run<Weights<DeviceF32>>(); break;
            case MatrixFormat.F16: call.Run<Weights<DeviceF16>>(); break;
            case MatrixFormat.BF16: call.Run<Weights<DeviceBF16>>(); break;
            case MatrixFormat.Q8: call.Run<Q8Weights>(); break;
            case MatrixFormat.Q4: call.Run<Q4Weights>(); break;
            default: throw new ArgumentOutOfRangeException(nameof(format), $"gpu: weights are F32, F16, BF16, Q8 or Q4, got {format}.");
        }
    }
}
