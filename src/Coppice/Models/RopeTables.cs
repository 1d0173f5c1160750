using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Models;

/// <summary>
/// Cosines and sines of every position a model may be asked for, one pair of tables for each rotary encoding of its layers.
/// </summary>
/// <remarks>Where frequencies change beyond a context (longrope), the rows of the changed ones follow those of the plain ones: a row's
/// choice is an offset of its position.</remarks>
internal sealed class RopeTables : IDisposable
{
    private const int ChunkRows = 1024;

    private readonly MemoryPool _pool;
    private readonly List<PoolBuffer> _rented = [];
    private readonly (Tensor Cosines, Tensor Sines)[] _tables;

    /// <summary>Computes tables of <paramref name="positions"/> rows.</summary>
    /// <exception cref="DeviceMemoryException">The device does not have enough memory.</exception>
    public RopeTables(Backend backend, ModelSpec spec, int positions)
    {
        Positions = positions;
        _pool = backend.CreatePool("rope", Bytes(spec, positions));
        _tables = new (Tensor, Tensor)[spec.Ropes.Count];
        try
        {
            for (var i = 0; i < _tables.Length; i++) _tables[i] = Create(backend, spec.Ropes[i], positions);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Positions that may occur; also the offset of the rows for what lies beyond the original context.</summary>
    public int Positions { get; }

    /// <summary>Tables of encoding <paramref name="index"/>, [positions, rotaryDim / 2].</summary>
    public (Tensor Cosines, Tensor Sines) this[int index] => _tables[index];

    /// <summary>Memory that the tables take.</summary>
    public static long Bytes(ModelSpec spec, int positions) => spec.Ropes.Sum(r => 2 * (4L * Rows(r, positions) * (r.RotaryDim / 2) + 256));

    /// <summary>Returns and frees the tables.</summary>
    public void Dispose()
    {
        foreach (var buffer in _rented) buffer.Dispose();
        _pool.Dispose();
    }

    private static int Rows(RopeSpec rope, int positions) => rope.LongFactors is null ? positions : checked(2 * positions);

    private (Tensor, Tensor) Create(Backend backend, RopeSpec rope, int positions)
    {
        var shape = new Shape(Rows(rope, positions), rope.RotaryDim / 2);
        var cosines = Rent(shape);
        var sines = Rent(shape);
        Fill(backend, rope, rope.Frequencies(), cosines.Slice(0, positions), sines.Slice(0, positions));
        if (shape.First > positions)
            Fill(backend, rope, rope.Frequencies(beyond: true), cosines.Slice(positions, positions), sines.Slice(positions, positions));
        return (cosines, sines);
    }

    private Tensor Rent(Shape shape)
    {
        var table = _pool.Rent(shape);
        _rented.Add(table.Buffer);
        return table;
    }

    private static void Fill(Backend backend, RopeSpec rope, double[] frequencies, Tensor cosines, Tensor sines)
    {
        var pairs = frequencies.Length;
        var (c, s) = (new float[ChunkRows * pairs], new float[ChunkRows * pairs]);
        for (var first = 0; first < cosines.Rows; first += ChunkRows)
        {
            var count = Math.Min(ChunkRows, cosines.Rows - first);
            for (var i = 0; i < count * pairs; i++)
            {
                var (sine, cosine) = Math.SinCos((first + i / pairs) * frequencies[i % pairs]);
                (c[i], s[i]) = ((float)(cosine * rope.AttentionFactor), (float)(sine * rope.AttentionFactor));
            }
            backend.Upload<float>(c.AsSpan(0, count * pairs), cosines.Slice(first, count));
            backend.Upload<float>(s.AsSpan(0, count * pairs), sines.Slice(first, count));
        }
    }
}
