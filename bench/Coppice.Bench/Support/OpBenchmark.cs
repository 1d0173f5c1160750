using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Bench;

/// <summary>
/// An op of the CPU back end with its operands, whose result is checked against a loop in double precision before anything is timed.
/// </summary>
public abstract class OpBenchmark : IMeasuredWork
{
    private readonly List<IDisposable> _owned = [];
    private readonly Random _random = new(20260517);
    private MemoryPool _pool = null!;

    /// <summary>The back end, with all processors.</summary>
    protected Backend Backend { get; private set; } = null!;

    public abstract double Bytes { get; }
    public abstract double Flops { get; }

    [GlobalSetup]
    public void Setup()
    {
        Backend = SimdBackend.Create();
        _pool = Backend.CreatePool("bench", 1L << 30);
        Prepare();
        Check();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        for (var i = _owned.Count - 1; i >= 0; i--) _owned[i].Dispose();
        _pool.Dispose();
        Backend.Dispose();
    }

    /// <summary>Makes the operands.</summary>
    protected abstract void Prepare();

    /// <summary>Runs the op once and compares; throws where it is wrong.</summary>
    protected abstract void Check();

    /// <summary>Numbers in ±1.</summary>
    protected float[] Noise(int count)
    {
        var values = new float[count];
        for (var i = 0; i < count; i++) values[i] = 2 * _random.NextSingle() - 1;
        return values;
    }

    /// <summary>A tensor with these elements.</summary>
    protected Tensor Place<T>(Shape shape, T[] values) where T : unmanaged
    {
        var tensor = Output(shape, typeof(T) == typeof(int) ? ElementType.I32 : ElementType.F32);
        Backend.Upload<T>(values, tensor);
        return tensor;
    }

    /// <summary>A tensor to be written.</summary>
    protected Tensor Output(Shape shape, ElementType type = ElementType.F32)
    {
        var tensor = _pool.Rent(shape, type);
        _owned.Add(tensor.Buffer);
        return tensor;
    }

    /// <summary>W [outputs, inputs] stored as <paramref name="format"/>.</summary>
    protected WeightMatrix Weight(int outputs, int inputs, MatrixFormat format, float[] values)
    {
        var weight = Backend.CreateWeight(_pool, outputs, inputs, format);
        _owned.Add(weight);
        weight.Write(0, MemoryMarshal.AsBytes(values.AsSpan()), ElementType.F32);
        return weight;
    }

    /// <summary>The elements of a tensor.</summary>
    protected T[] Read<T>(Tensor tensor) where T : unmanaged
    {
        var values = new T[tensor.Shape.Count];
        Backend.Download(tensor, values.AsSpan());
        return values;
    }

    /// <summary>
    /// Fails unless <paramref name="actual"/> is a number within <paramref name="tolerance"/> of <paramref name="expected"/>.
    /// </summary>
    protected static void Require(double expected, double actual, double tolerance, string what)
    {
        if (!(Math.Abs(expected - actual) <= tolerance))
            throw new InvalidOperationException($"{what}: must be {expected} within {tolerance}, got {actual}.");
    }

    /// <summary>A value as <paramref name="format"/> holds it.</summary>
    protected static double Stored(float value, MatrixFormat format) => format switch
    {
        MatrixFormat.F16 => (float)(Half)value,
        MatrixFormat.BF16 => Kernels.Numerics.BFloat16.ToSingle(Kernels.Numerics.BFloat16.FromSingle(value)),
        _ => value,
    };
}
