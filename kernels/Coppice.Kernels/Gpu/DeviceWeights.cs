using System.Runtime.CompilerServices;
using ILGPU;

namespace Coppice.Kernels.Gpu;

/// <summary>A weight matrix as kernels see it; see <see cref="GpuWeightLayout"/>.</summary>
internal readonly struct DeviceMatrix(ArrayView<Words4> weights, ArrayView<uint> parameters, int slots)
{
    /// <summary>[outputs, slots], 16 bytes each, two of them where weights are F32.</summary>
    internal readonly ArrayView<Words4> Weights = weights;
    /// <summary>Scales and minima of quantised formats.</summary>
    internal readonly ArrayView<uint> Parameters = parameters;
    /// <summary>Slots of a row.</summary>
    internal readonly int Slots = slots;
}

/// <summary>What a lane has loaded of one slot: 8 weights of F32 in both, of 16 bits in the first; or codes and parameters.</summary>
internal struct DeviceSlot
{
    internal Words4 First, Second;
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
