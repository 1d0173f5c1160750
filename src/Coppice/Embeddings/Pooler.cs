using System.Numerics;
using System.Runtime.InteropServices;

namespace Coppice.Embeddings;

/// <summary>Makes one vector of the states of a text's tokens, which come in order and in any number of pieces.</summary>
/// <remarks>Sums are of double precision and ascend, so that the vector's bits do not depend on the pieces.</remarks>
internal sealed class Pooler(Pooling pooling, bool normalize, int dimensions)
{
    private readonly double[] _sum = new double[dimensions];
    private int _count;

    /// <summary>Takes the next states, [count, dimensions].</summary>
    public void Add(ReadOnlySpan<float> states)
    {
        for (; !states.IsEmpty; states = states[dimensions..])
        {
            var isWanted = pooling != Pooling.FirstToken || _count == 0;
            if (pooling == Pooling.LastToken) Array.Clear(_sum);
            if (isWanted) AddRow(states[..dimensions]);
            _count++;
        }
    }

    /// <summary>
    /// The vector [dimensions] of the states so far, at least one; of length 1 where vectors are normalised and it is not zero.
    /// </summary>
    public float[] Vector()
    {
        var factor = pooling == Pooling.Mean ? 1.0 / _count : 1;
        if (normalize)
        {
            var squares = 0.0;
            foreach (var value in _sum) squares += value * factor * (value * factor);
            factor /= Math.Max(Math.Sqrt(squares), 1e-12);      // as torch.nn.functional.normalize
        }
        return Array.ConvertAll(_sum, value => (float)(value * factor));
    }

    private void AddRow(ReadOnlySpan<float> row)
    {
        var done = 0;
        var sums = MemoryMarshal.Cast<double, Vector<double>>(_sum.AsSpan());
        for (; done <= row.Length - Vector<float>.Count; done += Vector<float>.Count)
        {
            System.Numerics.Vector.Widen(new Vector<float>(row[done..]), out var low, out var high);
            sums[done / Vector<double>.Count] += low;
            sums[done / Vector<double>.Count + 1] += high;
        }
        for (; done < row.Length; done++) _sum[done] += row[done];
    }
}
