namespace Coppice.Kernels.Tests.Reference;

internal sealed partial class ReferenceBackend
{
    private const long WorthThreads = 1 << 18;      // multiply-adds; below, starting a parallel loop costs more than it saves

    /// <summary>y[m, n] = Σ_k x[m, k] W[n, k] + bias[n].</summary>
    protected override void MatMulCore(Tensor x, WeightMatrix weight, Tensor bias, Tensor y)
    {
        var matrix = (RowMatrix)weight;
        var rows = Enumerable.Range(0, x.Rows).Select(m => weight.Activations switch
        {
            ActivationFormat.Int8 => Quantized.Activations(Row(x, m)),
            ActivationFormat.BF16 => [.. Row(x, m).ToArray().Select(v => SmallFloat.BFloat16.Decode(SmallFloat.BFloat16.Encode(v)))],
            _ => [.. Row(x, m).ToArray().Select(v => (double)v)],
        }).ToArray();
        void Output(int n)
        {
            var w = matrix[n];
            for (var m = 0; m < x.Rows; m++)
            {
                var row = rows[m];
                var sum = 0.0;
                for (var k = 0; k < w.Length; k++) sum += row[k] * w[k];
                if (!bias.IsEmpty) sum += Row(bias, n)[0];
                Row(y, m)[n] = (float)sum;
            }
        }
        if ((long)x.Rows * weight.Inputs * weight.Outputs >= WorthThreads) Parallel.For(0, weight.Outputs, Output);
        else for (var n = 0; n < weight.Outputs; n++) Output(n);
    }

    /// <summary>The product, then the full sort of its rows.</summary>
    protected override void MatMulTopKCore(Tensor x, WeightMatrix weight, Tensor bias, Tensor y, Tensor values, Tensor indices)
    {
        MatMulCore(x, weight, bias, y);
        TopKCore(y, values, indices);
    }

    /// <summary>y[t] = scale · W[ids[t]].</summary>
    protected override void EmbedCore(Tensor ids, WeightMatrix table, float scale, Tensor y)
    {
        var matrix = (RowMatrix)table;
        for (var t = 0; t < ids.Rows; t++)
        {
            var w = matrix[Integers(ids, t)[0]];
            var to = Row(y, t);
            for (var i = 0; i < to.Length; i++) to[i] = (float)(scale * w[i]);
        }
    }

    /// <summary>y[rows[i]] = scale · Σ_j weights[i, j] · W[ids[i, j]], up to a weight of 0.</summary>
    protected override void EmbedMixtureCore(Tensor ids, Tensor weights, Tensor rows, WeightMatrix table, float scale, Tensor y)
    {
        var matrix = (RowMatrix)table;
        for (var i = 0; i < ids.Rows; i++)
        {
            var terms = Integers(ids, i).ToArray().Zip(Row(weights, i).ToArray()).TakeWhile(term => term.Second != 0).ToArray();
            var to = Row(y, Integers(rows, i)[0]);
            for (var k = 0; k < to.Length; k++) to[k] = (float)(scale * terms.Sum(term => (double)term.Second * matrix[term.First][k]));
        }
    }

    /// <summary>y[i] = x[rows[i]].</summary>
    protected override void CopyRowsCore(Tensor x, Tensor rows, Tensor y)
    {
        for (var i = 0; i < rows.Rows; i++) Row(x, Integers(rows, i)[0]).CopyTo(Row(y, i));
    }

    /// <summary>y[rows[i]] += scales[i] · x[i].</summary>
    protected override void AddRowsCore(Tensor x, Tensor rows, Tensor scales, Tensor y)
    {
        for (var i = 0; i < x.Rows; i++)
        {
            Span<float> from = Row(x, i), to = Row(y, Integers(rows, i)[0]);
            double scale = Row(scales, i)[0];
            for (var j = 0; j < to.Length; j++) to[j] = (float)(to[j] + scale * from[j]);
        }
    }
}
