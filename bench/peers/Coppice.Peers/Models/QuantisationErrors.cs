using Coppice.Kernels.Numerics;
using Coppice.Peers.Gguf;

namespace Coppice.Peers.Models;

/// <summary>How far quantised weights are from the original ones.</summary>
internal static class QuantisationErrors
{
    /// <summary>Gives what becomes of a row of a tensor.</summary>
    private delegate void Quantiser(GgufTensorInfo tensor, long row, ReadOnlySpan<float> original, Span<float> quantised);

    /// <summary>‖W - Q‖ / ‖W‖ over all matrices of two GGUF files of one model (Frobenius).</summary>
    public static double OfFile(string original, string quantised)
    {
        using var file = GgufFile.Open(quantised);
        using var scratch = new ThreadLocal<byte[]>(() => []);
        return Relative(original, (tensor, row, _, target) =>
        {
            var bytes = scratch.Value!;
            file.ReadRow(file.Tensors[tensor.Name], row, target, ref bytes);
            scratch.Value = bytes;
        });
    }

    /// <summary>The same of the groups that Coppice makes at load.</summary>
    public static double OfGroups(string original, bool fourBits) => Relative(original, (_, _, row, target) =>
    {
        for (var i = 0; i < row.Length; i += QuantizedGroup.Size)
        {
            var count = Math.Min(QuantizedGroup.Size, row.Length - i);
            if (fourBits) Four(row.Slice(i, count), target.Slice(i, count));
            else Eight(row.Slice(i, count), target.Slice(i, count));
        }
    });

    private static void Eight(ReadOnlySpan<float> weights, Span<float> target)
    {
        Span<sbyte> codes = stackalloc sbyte[QuantizedGroup.Size];
        var scale = QuantizedGroup.EncodeQ8(weights, codes);
        for (var i = 0; i < weights.Length; i++) target[i] = scale * codes[i];
    }

    private static void Four(ReadOnlySpan<float> weights, Span<float> target)
    {
        Span<byte> codes = stackalloc byte[QuantizedGroup.Size];
        var (scale, minimum) = QuantizedGroup.EncodeQ4(weights, codes);
        for (var i = 0; i < weights.Length; i++) target[i] = scale * codes[i] + minimum;
    }

    private static double Relative(string original, Quantiser quantise)
    {
        using var file = GgufFile.Open(original);
        var gate = new Lock();
        var (difference, total) = (0.0, 0.0);
        Parallel.ForEach(file.Tensors.Values.Where(tensor => tensor.Extents.Length == 2), tensor =>
        {
            var (own, norm) = Sums(file, tensor, quantise);
            lock (gate) (difference, total) = (difference + own, total + norm);
        });
        return Math.Sqrt(difference / total);
    }

    private static (double Difference, double Norm) Sums(GgufFile file, GgufTensorInfo tensor, Quantiser quantise)
    {
        var (x, y) = (new float[tensor.Columns], new float[tensor.Columns]);
        byte[] scratch = [];
        var (difference, norm) = (0.0, 0.0);
        for (var row = 0L; row < tensor.Rows; row++)
        {
            file.ReadRow(tensor, row, x, ref scratch);
            quantise(tensor, row, x, y);
            for (var i = 0; i < x.Length; i++)
            {
                difference += ((double)x[i] - y[i]) * ((double)x[i] - y[i]);
                norm += (double)x[i] * x[i];
            }
        }
        return (difference, norm);
    }
}
