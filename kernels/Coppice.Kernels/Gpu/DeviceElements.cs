using System.Runtime.CompilerServices;
using ILGPU;

namespace Coppice.Kernels.Gpu;

/// <summary>
/// Four words, 16 bytes, as a kernel loads them: ILGPU makes one ld.global.v4 of this, and four or more loads of anything else. No numbers
/// of 4 bits.
/// </summary>
internal struct Words4
{
    internal uint A, B, C, D;
}

/// <summary>Two words, 8 bytes: one ld.global.v2.</summary>
internal struct Words2
{
    internal uint A, B;
}

/// <summary>Two sums.</summary>
internal struct Float2
{
    internal float X, Y;
}

/// <summary>Four consecutive elements, widened.</summary>
internal struct Float4
{
    internal float X, Y, Z, W;
}

/// <summary>Eight consecutive elements, widened: <see cref="Low"/> the first four.</summary>
internal struct Float8
{
    internal Float4 Low, High;
}

/// <summary>How device code reads and writes one storage type. The type is the element as it lies in memory.</summary>
internal interface IDeviceElement<T> where T : unmanaged, IDeviceElement<T>
{
    /// <summary>Widens exactly.</summary>
    static abstract float ToSingle(T element);
    /// <summary>Rounds to nearest, ties to even.</summary>
    static abstract T FromSingle(float value);
    /// <summary>Elements 4 · <paramref name="index"/> … + 3.</summary>
    static abstract Float4 Load4(ArrayView<Words4> memory, int index);
    /// <summary>Elements 8 · <paramref name="index"/> … + 7.</summary>
    static abstract Float8 Load8(ArrayView<Words4> memory, int index);
    /// <summary>The same, not widened yet.</summary>
    static abstract DeviceSlot LoadSlot(ArrayView<Words4> memory, int index);
    /// <summary>What <see cref="LoadSlot"/> has loaded.</summary>
    static abstract Float8 Widen(DeviceSlot slot);
}

/// <summary>binary32.</summary>
internal struct DeviceF32 : IDeviceElement<DeviceF32>
{
    private float _value;

    public static float ToSingle(DeviceF32 element) => element._value;

    public static DeviceF32 FromSingle(float value) => new() { _value = value };

    public static Float4 Load4(ArrayView<Words4> memory, int index) => Widen(memory[index]);

    public static Float8 Load8(ArrayView<Words4> memory, int index) => Widen(LoadSlot(memory, index));

    public static DeviceSlot LoadSlot(ArrayView<Words4> memory, int index) =>
        new() { First = memory[2 * index], Second = memory[2 * index + 1] };

    public static Float8 Widen(DeviceSlot slot) => new() { Low = Widen(slot.First), High = Widen(slot.Second) };

    private static Float4 Widen(Words4 bits) => new()
    {
        X = Interop.IntAsFloat(bits.A),
        Y = Interop.IntAsFloat(bits.B),
        Z = Interop.IntAsFloat(bits.C),
        W = Interop.IntAsFloat(bits.D),
    };
}

/// <summary>How an element of 16 bits is widened where it lies in a word with another.</summary>
internal interface IDeviceHalf
{
    /// <summary>The element with the lower address.</summary>
    static abstract float WidenLower(uint word);
    /// <summary>The element after it.</summary>
    static abstract float WidenUpper(uint word);
}

/// <summary>Loads elements of 16 bits, four or eight at once.</summary>
internal static class DeviceHalves<T> where T : struct, IDeviceHalf
{
    internal static Float4 Load4(ArrayView<Words4> memory, int index)
    {
        var bits = memory.Cast<Words2>()[index];
        return Widen(bits.A, bits.B);
    }

    internal static Float8 Load8(ArrayView<Words4> memory, int index) => Widen(LoadSlot(memory, index));

    internal static DeviceSlot LoadSlot(ArrayView<Words4> memory, int index) => new() { First = memory[index] };

    internal static Float8 Widen(DeviceSlot slot) =>
        new() { Low = Widen(slot.First.A, slot.First.B), High = Widen(slot.First.C, slot.First.D) };

    private static Float4 Widen(uint first, uint second) =>
        new() { X = T.WidenLower(first), Y = T.WidenUpper(first), Z = T.WidenLower(second), W = T.WidenUpper(second) };
}

/// <summary>binary16.</summary>
internal struct DeviceF16 : IDeviceElement<DeviceF16>, IDeviceHalf
{
    private ushort _bits;

    public static float ToSingle(DeviceF16 element) => Widen(element._bits);

    /// <remarks>
    /// In integers, because ILGPU's conversion truncates on the CPU accelerator. Adding 2^k and taking it away again rounds to the bits
    /// above k.
    /// </remarks>
    public static DeviceF16 FromSingle(float value)
    {
        var bits = Interop.FloatAsInt(value);
        var sign = (bits >> 16) & 0x8000u;
        var magnitude = bits & 0x7fffffffu;
        uint half;
        if (magnitude > 0x7f800000u) half = 0x7e00u;                     // NaN
        else if (magnitude >= 0x477ff000u) half = 0x7c00u;               // 65520 and above round to infinity
        else if (magnitude < 0x38800000u)                                // below 2^-14: subnormal, in units of 2^-24
            half = Interop.FloatAsInt(Interop.IntAsFloat(magnitude) + 0.5f) - 0x3f000000u;
        else half = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
        return new DeviceF16 { _bits = (ushort)(sign | half) };
    }

    public static Float4 Load4(ArrayView<Words4> memory, int index) => DeviceHalves<DeviceF16>.Load4(memory, index);

    public static Float8 Load8(ArrayView<Words4> memory, int index) => DeviceHalves<DeviceF16>.Load8(memory, index);

    public static DeviceSlot LoadSlot(ArrayView<Words4> memory, int index) => DeviceHalves<DeviceF16>.LoadSlot(memory, index);

    public static Float8 Widen(DeviceSlot slot) => DeviceHalves<DeviceF16>.Widen(slot);

    internal static float Widen(ushort bits) => Interop.IntAsFloat(bits);

    public static float WidenLower(uint word) => Widen((ushort)(word & 0xffffu));

    public static float WidenUpper(uint word) => Widen((ushort)(word >> 16));
}

/// <summary>The upper half of a binary32.</summary>
internal struct DeviceBF16 : IDeviceElement<DeviceBF16>, IDeviceHalf
{
    private ushort _bits;

    public static float ToSingle(DeviceBF16 element) => Interop.IntAsFloat((uint)element._bits << 16);

    public static DeviceBF16 FromSingle(float value)
    {
        var bits = Interop.FloatAsInt(value);
        var rounded = (bits & 0x7fffffffu) > 0x7f800000u ? (bits >> 16) | 0x40u : (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
        return new DeviceBF16 { _bits = (ushort)rounded };
    }

    public static Float4 Load4(ArrayView<Words4> memory, int index) => DeviceHalves<DeviceBF16>.Load4(memory, index);

    public static Float8 Load8(ArrayView<Words4> memory, int index) => DeviceHalves<DeviceBF16>.Load8(memory, index);

    public static DeviceSlot LoadSlot(ArrayView<Words4> memory, int index) => DeviceHalves<DeviceBF16>.LoadSlot(memory, index);

    public static Float8 Widen(DeviceSlot slot) => DeviceHalves<DeviceBF16>.Widen(slot);

    public static float WidenLower(uint word) => Interop.IntAsFloat(word << 16);

    public static float WidenUpper(uint word) => Interop.IntAsFloat(word & 0xffff0000u);
}

/// <summary>Something to run with the device type of an element type.</summary>
internal interface IDeviceElementCall
{
    void Run<T>() where T : unmanaged, IDeviceElement<T>;
}

/// <summary>From the name of a storage type to its device type: the one place that knows both.</summary>
internal static class DeviceElementDispatch
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Dispatch<TCall>(this ElementType type, TCall call) where TCall : struct, IDeviceElementCall, allows ref struct
    {
        switch (type)
        {
            case ElementType.F32: call.Run<DeviceF32>(); break;
            case ElementType.F16: call.Run<DeviceF16>(); break;
            case ElementType.BF16: call.Run<DeviceBF16>(); break;
            default: throw new ArgumentOutOfRangeException(nameof(type), $"gpu: caches are F32, F16 or BF16, got {type}.");
        }
    }
}
