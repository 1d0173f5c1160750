using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Models;

/// <summary>Cosines and sines of every position a model may be asked for, one pair of tables for each rotary encoding of its layers.</summary>
/// <remarks>Where frequencies change beyond a context (longrope), the rows of the changed ones follow those of the plain ones: a row's choice is an offset of its position.</remarks>
internal sealed class RopeTables : IDisposable
{
    private readonly MemoryPool _pool;
    private readonly (Tensor Cosines, Tensor Sines)[] _tables;

    /// <summary>Computes tables of <paramref name="positions"/> rows.</summary>
    /// <exception cref="DeviceMemoryException">The device has not enough memory.</exception>
    public RopeTables(Backend backend, ModelSpec spec, int positions)
    {
        Positions = positions;
        _pool = backend.CreatePool("rope", Bytes(spec, positions));
        _tables = new (Tensor, Tensor)[spec.Ropes.Count];
        for (var i = 0; i < _tables.Length; i++) _tables[i] = Create(backend, spec.Ropes[i], positions);
    }

    /// <summary>Positions that may occur; also the offset of the rows for what lies beyond the original context.</summary>
    public int Positions { get; }

    /// <summary>Tables of encoding <paramref name="index"/>, [positions, rotaryDim / 2].</summary>
    public (Tensor Cosines, Tensor Sines) this[int index] => _tables[index];

    /// <summary>Memory that the tables take.</summary>
    public static long Bytes(ModelSpec spec, int positions) => spec.Ropes.Sum(r => 2 * (4L * Rows(r, positions) * (r.RotaryDim / 2) + 256));

    /// <summary>Frees the tables.</summary>
    public void Dispose() => _pool.Dispose();

    private static int Rows(RopeSpec rope, int positions) => rope.LongFactors is null ? positions : checked(2 * positions);

    private (Tensor, Tensor) Create(Backend backend, RopeSpec rope, int positions)
    {
        var (rows, pairs) = (Rows(rope, positions), rope.RotaryDim / 2);
        var (cosines, sines) = (new float[rows * pairs], new float[rows * pairs]);
        for (var half = 0; half * positions < rows; half++)
        {
            var frequencies = rope.Frequencies(beyond: half == 1);
            for (var position = 0; position < positions; position++)
            {
                for (var i = 0; i < pairs; i++)
                {
                    var (sine, cosine) = Math.SinCos(position * frequencies[i]);
                    var at = (half * positions + position) * pairs + i;
                    cosines[at] = (float)(cosine * rope.AttentionFactor);
                    sines[at] = (float)(sine * rope.AttentionFactor);
                }
            }
        }
        return (Upload(backend, cosines, rows, pairs), Upload(backend, sines, rows, pairs));
    }

    private Tensor Upload(Backend backend, float[] values, int rows, int pairs)
    {
        var table = _pool.Rent(new Shape(rows, pairs));
        backend.Upload<float>(values, table);
        return table;
    }
}
