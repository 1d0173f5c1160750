using Coppice.Kernels;

namespace Coppice.Cli.SelfTest;

/// <summary>Ops on weight matrices: products, their largest elements, rows of an embedding table.</summary>
internal static class ProductChecks
{
    private static readonly (int Inputs, int Outputs)[] Shapes = [(1, 1), (7, 31), (33, 17), (96, 40), (257, 66), (640, 20)];
    private static readonly int[] Rows = [1, 2, 5, 9];
    private static readonly MatrixFormat[] Formats = Enum.GetValues<MatrixFormat>();

    /// <summary>All of them that <paramref name="backend"/> has: activations in BF16 are for the CPU.</summary>
    public static IEnumerable<SelfTestCheck> All(Backend backend)
    {
        var activations = new List<ActivationFormat> { ActivationFormat.F32, ActivationFormat.Int8 };
        if (backend.HostThreads is not null) activations.Add(ActivationFormat.BF16);
        foreach (var activation in activations)
            foreach (var format in Formats.Where(format => format.Takes(activation)))
                yield return new($"matmul {Name(format, activation)}", (on, outcome) => MatMul(on, outcome, format, activation));
        foreach (var format in Formats)
        {
            yield return new($"matmul_top_k {Name(format)}", (on, outcome) => MatMulTopK(on, outcome, format));
            yield return new($"embed {Name(format)}", (on, outcome) => Embed(on, outcome, format));
            yield return new($"embed_mixture {Name(format)}", (on, outcome) => EmbedMixture(on, outcome, format));
            yield return new($"rows_alone {Name(format)}", (on, outcome) => RowsAlone(on, outcome, format));
        }
    }

    private static string Name(MatrixFormat format, ActivationFormat activations = ActivationFormat.F32) =>
        activations == ActivationFormat.F32 ? Lower(format) : $"{Lower(format)} {Lower(activations)}";

    private static string Lower<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();

    /// <summary>y = x Wᵀ + bias. A sum of n products is off by at most about n roundings; quantised groups count four times.</summary>
    private static void MatMul(Operands on, Outcome outcome, MatrixFormat format, ActivationFormat activations)
    {
        foreach (var (inputs, outputs) in Shapes)
            foreach (var rows in Rows)
            {
                float[] x = Exact.Noise(1, rows * inputs), w = Exact.Noise(2, outputs * inputs), b = Exact.Noise(3, outputs);
                var hasBias = (rows + inputs) % 2 == 0;
                var (xs, weight) = (on.Place(new Shape(rows, inputs), x), on.Weight(outputs, inputs, format, w, activations));
                var bias = hasBias ? on.Place(new Shape(outputs), b) : default;
                var y = on.Output(new Shape(rows, outputs));
                var expected = Product(Exact.Activations(x, inputs, activations), Exact.Weights(w, inputs, format), inputs, outputs,
                    hasBias ? b : null);
                outcome.Compare(expected, () =>
                {
                    on.Clear(y);
                    on.Backend.MatMul(xs, weight, bias, y);
                    return on.Floats(y);
                }, Tolerance(inputs, format), Tolerance(16, format));
            }
    }

    /// <summary>The product, and the largest of its rows by value, then by index.</summary>
    private static void MatMulTopK(Operands on, Outcome outcome, MatrixFormat format)
    {
        const int k = 5;
        foreach (var (inputs, outputs) in (ReadOnlySpan<(int, int)>)[(12, 33), (64, 300)])
            foreach (var rows in (ReadOnlySpan<int>)[1, 3])
            {
                float[] x = Exact.Noise(1, rows * inputs), w = Exact.Noise(2, outputs * inputs);
                var (xs, weight) = (on.Place(new Shape(rows, inputs), x), on.Weight(outputs, inputs, format, w));
                var y = on.Output(new Shape(rows, outputs));
                var (values, indices) = (on.Output(new Shape(rows, k)), on.Output(new Shape(rows, k), ElementType.I32));
                var product = Product(Array.ConvertAll(x, v => (double)v), Exact.Weights(w, inputs, format), inputs, outputs, null);
                var largest = product.Chunk(outputs).SelectMany(row => row.OrderDescending().Take(k)).ToArray();
                var isRun = outcome.Compare([.. product, .. largest], () =>
                {
                    on.Backend.MatMulTopK(xs, weight, default, y, values, indices);
                    return [.. on.Floats(y), .. on.Floats(values)];
                }, Tolerance(inputs, format), Tolerance(16, format));
                var (all, chosen) = (on.Floats(y), on.Integers(indices));
                for (var i = 0; isRun && i < chosen.Length; i++)
                    if (!(chosen[i] >= 0 && chosen[i] < outputs) || all[i / k * outputs + (int)chosen[i]] != on.Floats(values)[i])
                        outcome.Fail($"index {i} is {chosen[i]:g9}, whose value is another");
            }
    }

    /// <summary>y[t] = scale · W[ids[t]]: a rounding each for the weight and the scale.</summary>
    private static void Embed(Operands on, Outcome outcome, MatrixFormat format)
    {
        foreach (var (inputs, outputs) in Shapes)
        {
            const int tokens = 4;
            var w = Exact.Noise(2, outputs * inputs);
            var chosen = Exact.Integers(4, tokens, outputs);
            var (table, ids) = (on.Weight(outputs, inputs, format, w), on.Place(new Shape(tokens), chosen));
            var y = on.Output(new Shape(tokens, inputs));
            var rows = Exact.Weights(w, inputs, format);
            outcome.Compare([.. chosen.SelectMany(id => rows[(id * inputs)..((id + 1) * inputs)].Select(v => 1.5 * v))], () =>
            {
                on.Clear(y);
                on.Backend.Embed(ids, table, 1.5f, y);
                return on.Floats(y);
            }, 3 * Exact.U);
        }
    }

    /// <summary>y[rows[i]] = scale · Σ_j weights[i, j] · W[ids[i, j]], up to a weight of 0.</summary>
    private static void EmbedMixture(Operands on, Outcome outcome, MatrixFormat format)
    {
        float[] shares = [0.5f, 0.25f, 0.25f, 0.75f, 0.25f, 0f];
        foreach (var (inputs, outputs) in Shapes)
        {
            var w = Exact.Noise(2, outputs * inputs);
            var chosen = Exact.Integers(4, shares.Length, outputs);
            var table = on.Weight(outputs, inputs, format, w);
            var (ids, weights) = (on.Place(new Shape(2, 3), chosen), on.Place(new Shape(2, 3), shares));
            var (places, y) = (on.Place(new Shape(2), [1, 0]), on.Output(new Shape(2, inputs)));
            var rows = Exact.Weights(w, inputs, format);
            var expected = new double[2 * inputs];
            for (var term = 0; term < shares.Length; term++)
                for (var i = 0; i < inputs; i++) expected[(1 - term / 3) * inputs + i] += shares[term] * rows[chosen[term] * inputs + i];
            outcome.Compare(expected, () =>
            {
                on.Clear(y);
                on.Backend.EmbedMixture(ids, weights, places, table, 1f, y);
                return on.Floats(y);
            }, 6 * Exact.U);
        }
    }

    /// <summary>Contract C1: a row has the same bits alone as among others.</summary>
    private static void RowsAlone(Operands on, Outcome outcome, MatrixFormat format)
    {
        foreach (var (inputs, outputs) in Shapes)
        {
            const int rows = 9;
            var x = on.Place(new Shape(rows, inputs), Exact.Noise(1, rows * inputs));
            var weight = on.Weight(outputs, inputs, format, Exact.Noise(2, outputs * inputs));
            var (together, alone) = (on.Output(new Shape(rows, outputs)), on.Output(new Shape(rows, outputs)));
            on.Backend.MatMul(x, weight, default, together);
            outcome.Compare(Array.ConvertAll(on.Floats(together), v => (double)v), () =>
            {
                for (var row = 0; row < rows; row++) on.Backend.MatMul(x.Slice(row, 1), weight, default, alone.Slice(row, 1));
                return on.Floats(alone);
            }, 0);
        }
    }

    private static double Tolerance(int inputs, MatrixFormat format) => (format.IsQuantized() ? 4 : 1) * Exact.U * (inputs + 2);

    private static double[] Product(double[] x, double[] w, int inputs, int outputs, float[]? bias)
    {
        var y = new double[x.Length / inputs * outputs];
        for (var i = 0; i < y.Length; i++)
        {
            var (row, output) = (i / outputs * inputs, i % outputs * inputs);
            var sum = bias is null ? 0.0 : bias[i % outputs];
            for (var k = 0; k < inputs; k++) sum += x[row + k] * w[output + k];
            y[i] = sum;
        }
        return y;
    }
}
