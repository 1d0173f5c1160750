using System.Runtime.InteropServices;
using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Cli.SelfTest;

/// <summary>Tensors of one check on one device, freed together.</summary>
internal sealed class Operands : IDisposable
{
    private const long PoolBytes = 48 << 20;
    private readonly MemoryPool _pool;
    private readonly List<IDisposable> _owned = [];

    /// <summary>Takes memory of <paramref name="backend"/>.</summary>
    /// <exception cref="DeviceMemoryException">It does not have 48 MiB.</exception>
    public Operands(Backend backend) => (Backend, _pool) = (backend, backend.CreatePool("selftest", PoolBytes));

    /// <summary>What computes.</summary>
    public Backend Backend { get; }

    /// <summary>A tensor with these elements.</summary>
    public Tensor Place(Shape shape, ReadOnlySpan<float> values)
    {
        var tensor = Rent(shape, ElementType.F32);
        Backend.Upload(values, tensor);
        return tensor;
    }

    /// <summary>A tensor with these integers.</summary>
    public Tensor Place(Shape shape, ReadOnlySpan<int> values)
    {
        var tensor = Rent(shape, ElementType.I32);
        Backend.Upload(values, tensor);
        return tensor;
    }

    /// <summary>A tensor of 0xffff…, which is NaN in every format.</summary>
    public Tensor Output(Shape shape, ElementType type = ElementType.F32)
    {
        var tensor = Rent(shape, type);
        Clear(tensor);
        return tensor;
    }

    /// <summary>Makes an output what it was before the op: NaN.</summary>
    public void Clear(Tensor tensor)
    {
        var count = checked((int)tensor.Shape.Count);
        if (tensor.Type.Size() == 2) Backend.Upload<ushort>(Filled<ushort>(count, ushort.MaxValue), tensor);
        else Backend.Upload<uint>(Filled(count, uint.MaxValue), tensor);
    }

    /// <summary>W [outputs, inputs] in <paramref name="format"/>.</summary>
    public WeightMatrix Weight(int outputs, int inputs, MatrixFormat format, ReadOnlySpan<float> values,
        ActivationFormat activations = ActivationFormat.F32)
    {
        var weight = Backend.CreateWeight(_pool, outputs, inputs, format, activations);
        _owned.Add(weight);
        weight.Write(0, MemoryMarshal.AsBytes(values), ElementType.F32);
        return weight;
    }

    /// <summary>The elements of a tensor.</summary>
    public float[] Floats(Tensor tensor)
    {
        var values = new float[tensor.Shape.Count];
        Backend.Download(tensor, values.AsSpan());
        return values;
    }

    /// <summary>Integers as floats, which hold those of a test exactly.</summary>
    public float[] Integers(Tensor tensor)
    {
        var values = new int[tensor.Shape.Count];
        Backend.Download(tensor, values.AsSpan());
        return Array.ConvertAll(values, value => (float)value);
    }

    /// <summary>The elements of pages of a cache, widened.</summary>
    public float[] Widened(Tensor tensor)
    {
        if (tensor.Type == ElementType.F32) return Floats(tensor);
        var bits = new ushort[tensor.Shape.Count];
        Backend.Download(tensor, bits.AsSpan());
        return tensor.Type == ElementType.F16
            ? Array.ConvertAll(bits, b => (float)BitConverter.UInt16BitsToHalf(b))
            : Array.ConvertAll(bits, b => BitConverter.UInt32BitsToSingle((uint)b << 16));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var owned in _owned) owned.Dispose();
        _pool.Dispose();
    }

    private Tensor Rent(Shape shape, ElementType type)
    {
        var tensor = _pool.Rent(shape, type);
        _owned.Add(tensor.Buffer);
        return tensor;
    }

    private static T[] Filled<T>(int count, T value)
    {
        var values = new T[count];
        Array.Fill(values, value);
        return values;
    }
}
