using Coppice.Peers.Gguf;

namespace Coppice.Peers.Models;

/// <summary>How far quantised weights are from the original ones.</summary>
internal static class QuantisationErrors
{
    /// <summary>‖W - Q‖ / ‖W‖ over all matrices of two GGUF files of one model (Frobenius).</summary>
    public static double Relative(string original, string quantised)
    {
        using var first = GgufFile.Open(original);
        using var second = GgufFile.Open(quantised);
        var gate = new Lock();
        var (difference, total) = (0.0, 0.0);
        Parallel.ForEach(first.Tensors.Values.Where(tensor => tensor.Extents.Length == 2), new ParallelOptions { MaxDegreeOfParallelism = 2 }, tensor =>
        {
            var (own, norm) = Sums(first, tensor, second, second.Tensors[tensor.Name]);
            lock (gate) (difference, total) = (difference + own, total + norm);
        });
        return Math.Sqrt(difference / total);
    }

    private static (double Difference, double Norm) Sums(GgufFile first, GgufTensorInfo a, GgufFile second, GgufTensorInfo b)
    {
        var (x, y) = (new float[a.Columns], new float[b.Columns]);
        byte[] scratch = [];
        var (difference, norm) = (0.0, 0.0);
        for (var row = 0L; row < a.Rows; row++)
        {
            first.ReadRow(a, row, x, ref scratch);
            second.ReadRow(b, row, y, ref scratch);
            for (var i = 0; i < x.Length; i++)
            {
                difference += ((double)x[i] - y[i]) * ((double)x[i] - y[i]);
                norm += (double)x[i] * x[i];
            }
        }
        return (difference, norm);
    }
}
