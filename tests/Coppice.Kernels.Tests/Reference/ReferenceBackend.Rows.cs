namespace Coppice.Kernels.Tests.Reference;

internal sealed partial class ReferenceBackend
{
    /// <summary>y = weight · x / √(mean(x²) + ε).</summary>
    protected override void RmsNormCore(Tensor x, Tensor weight, float epsilon, Tensor y) =>
        EachHead(x, y, (values, to) =>
        {
            var root = Math.Sqrt(values.Sum(v => v * v) / values.Length + epsilon);
            for (var i = 0; i < values.Length; i++) to[i] = Row(weight, i)[0] * values[i] / root;
        });

    /// <summary>y = weight · (x - mean) / √(variance + ε) + bias.</summary>
    protected override void LayerNormCore(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y) =>
        EachHead(x, y, (values, to) =>
        {
            var mean = values.Sum() / values.Length;
            var root = Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / values.Length + epsilon);
            for (var i = 0; i < values.Length; i++)
                to[i] = Row(weight, i)[0] * (values[i] - mean) / root + (bias.IsEmpty ? 0 : Row(bias, i)[0]);
        });

    /// <summary>y = exp(x - max) / Σ exp(x - max).</summary>
    protected override void SoftmaxCore(Tensor x, Tensor y) => EachHead(x, y, (values, to) =>
    {
        var largest = values.Max();
        if (double.IsNegativeInfinity(largest)) return;
        var sum = values.Sum(v => Math.Exp(v - largest));
        for (var i = 0; i < values.Length; i++) to[i] = Math.Exp(values[i] - largest) / sum;
    });

    /// <summary>A full sort by (value descending, NaN as -∞, index ascending), of which the first k are kept.</summary>
    protected override void TopKCore(Tensor x, Tensor values, Tensor indices)
    {
        for (var row = 0; row < x.Rows; row++)
        {
            var from = Row(x, row).ToArray();
            var order = Enumerable.Range(0, from.Length)
                .OrderByDescending(i => float.IsNaN(from[i]) ? float.NegativeInfinity : from[i]).ThenBy(i => i).Take(values.Last).ToArray();
            for (var j = 0; j < order.Length; j++)
            {
                Integers(indices, row)[j] = order[j];
                Row(values, row)[j] = float.IsNaN(from[order[j]]) ? float.NegativeInfinity : from[order[j]];
            }
        }
    }

    /// <summary>(a, b) becomes (a cos - b sin, b cos + a sin).</summary>
    protected override void RopeCore(Tensor x, Tensor positions, Tensor cosines, Tensor sines, RopePairing pairing)
    {
        var (headDim, pairs) = (x.Last, cosines.Last);
        for (var t = 0; t < x.Rows; t++)
        {
            var position = Integers(positions, t)[0];
            Span<float> row = Row(x, t), cosine = Row(cosines, position), sine = Row(sines, position);
            for (var head = 0; head < row.Length; head += headDim)
            {
                for (var i = 0; i < pairs; i++)
                {
                    var (p, q) = pairing == RopePairing.Half ? (head + i, head + i + pairs) : (head + 2 * i, head + 2 * i + 1);
                    double a = row[p], b = row[q], c = cosine[i], s = sine[i];
                    (row[p], row[q]) = ((float)(a * c - b * s), (float)(b * c + a * s));
                }
            }
        }
    }

    /// <summary>Runs <paramref name="f"/> on every stretch of x.Last elements; it fills a result that starts as zeros.</summary>
    private static void EachHead(in Tensor x, in Tensor y, Action<double[], double[]> f)
    {
        var width = x.Last;
        for (var row = 0; row < x.Rows; row++)
        {
            for (var first = 0; first < x.Shape.RowLength; first += width)
            {
                var values = Array.ConvertAll(Row(x, row).Slice(first, width).ToArray(), v => (double)v);
                var result = new double[width];
                f(values, result);
                for (var i = 0; i < width; i++) Row(y, row)[first + i] = (float)result[i];
            }
        }
    }
}
