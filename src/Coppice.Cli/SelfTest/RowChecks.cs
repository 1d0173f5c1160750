using Coppice.Kernels;
using Coppice.Kernels.Numerics;

namespace Coppice.Cli.SelfTest;

/// <summary>Ops on rows of F32: norms, softmax, rotations, activations, sums, copies and the largest elements.</summary>
internal static class RowChecks
{
    private const float Epsilon = 1e-5f;
    private const double Exp = 2e-7, Tanh = 2e-7;       // the documented errors of the approximations

    private static readonly (int Rows, int Width)[] Shapes = [(1, 1), (3, 17), (2, 64), (1, 129), (5, 256), (2, 1025)];

    /// <summary>All of them.</summary>
    public static IEnumerable<SelfTestCheck> All()
    {
        yield return new("add f32", (on, outcome) => Each(on, outcome, 16 * Exact.U, 0, (a, b) => a + 0.7f * (double)b,
            (x, d, y) => on.Backend.Add(x, d, 0.7f, y)));
        yield return new("soft_cap f32", (on, outcome) => Each(on, outcome, 3 * Tanh, 4 * Exact.U, (a, _) => 3 * Math.Tanh(2.0 * a / 3),
            (x, _, y) => on.Backend.SoftCap(x, 2, 3, y)));
        foreach (var activation in Enum.GetValues<Activation>())
        {
            var name = activation.ToString().ToLowerInvariant();
            var (absolute, relative) = (3 * (3e-7 + 2 * Exact.U), Exp + 5 * Exact.U);
            yield return new($"map {name}", (on, outcome) => Each(on, outcome, absolute, relative,
                (a, _) => Exact.Activated(activation, a), (x, _, y) => on.Backend.Map(x, activation, y)));
            yield return new($"gated_activation {name}", (on, outcome) => Each(on, outcome, 6 * absolute, relative,
                (a, b) => Exact.Activated(activation, a) * b, (x, up, y) => on.Backend.GatedActivation(x, up, activation, y)));
        }
        yield return new("rms_norm f32", (on, outcome) => Norm(on, outcome, added: false));
        yield return new("add_rms_norm f32", (on, outcome) => Norm(on, outcome, added: true));
        yield return new("layer_norm f32", LayerNorm);
        yield return new("softmax f32", Softmax);
        yield return new("rope half", (on, outcome) => Rope(on, outcome, RopePairing.Half));
        yield return new("rope interleaved", (on, outcome) => Rope(on, outcome, RopePairing.Interleaved));
        yield return new("rotate f32", Rotate);
        yield return new("copy_rows f32", CopyRows);
        yield return new("add_rows f32", AddRows);
        yield return new("top_k f32", TopK);
    }

    /// <summary>An op on elements at the same place of two tensors in ±6.</summary>
    private static void Each(Operands on, Outcome outcome, double absolute, double relative, Func<float, float, double> formula,
        Action<Tensor, Tensor, Tensor> op)
    {
        foreach (var (rows, width) in Shapes)
        {
            float[] a = Exact.Noise(1, rows * width, 6), b = Exact.Noise(2, rows * width, 6);
            var shape = new Shape(rows, width);
            var (x, other, y) = (on.Place(shape, a), on.Place(shape, b), on.Output(shape));
            outcome.Compare([.. a.Zip(b, formula)], () =>
            {
                on.Clear(y);
                op(x, other, y);
                return on.Floats(y);
            }, absolute + 1e-36, relative);
        }
    }

    /// <summary>y = weight · x / √(mean(x²) + ε), after x += scale · delta where there is one.</summary>
    private static void Norm(Operands on, Outcome outcome, bool added)
    {
        foreach (var (rows, width) in Shapes)
        {
            float[] x = Exact.Noise(1, rows * width), delta = Exact.Noise(2, rows * width), weight = Exact.Noise(3, width, 2);
            var shape = new Shape(rows, width);
            var (xs, deltas) = (on.Place(shape, x), on.Place(shape, delta));
            var (weights, y) = (on.Place(new Shape(width), weight), on.Output(shape));
            // The sum in F32 is what the norm is of.
            var sums = added ? [.. x.Zip(delta, (a, d) => (float)(a + 0.5 * (double)d))] : x;
            var expected = sums.Chunk(width).SelectMany(row =>
            {
                var root = Math.Sqrt(row.Sum(v => (double)v * v) / width + Epsilon);
                return row.Select((v, i) => weight[i] * v / root);
            }).ToArray();
            outcome.Compare(expected, () =>
            {
                on.Backend.Upload<float>(x, xs);
                if (added) on.Backend.AddRmsNorm(xs, deltas, 0.5f, weights, Epsilon, y);
                else on.Backend.RmsNorm(xs, weights, Epsilon, y);
                return on.Floats(y);
            }, 0, (8 + Math.Sqrt(width)) * Exact.U);
        }
    }

    private static void LayerNorm(Operands on, Outcome outcome)
    {
        foreach (var (rows, width) in Shapes)
        {
            float[] x = Exact.Noise(1, rows * width), weight = Exact.Noise(2, width), bias = Exact.Noise(3, width);
            var shape = new Shape(rows, width);
            var (xs, weights, biases) = (on.Place(shape, x), on.Place(new Shape(width), weight), on.Place(new Shape(width), bias));
            var y = on.Output(shape);
            var expected = x.Chunk(width).SelectMany(row =>
            {
                var mean = row.Average(v => (double)v);
                var root = Math.Sqrt(row.Sum(v => (v - mean) * (v - mean)) / width + Epsilon);
                return row.Select((v, i) => weight[i] * (v - mean) / root + bias[i]);
            }).ToArray();
            outcome.Compare(expected, () =>
            {
                on.Clear(y);
                on.Backend.LayerNorm(xs, weights, biases, Epsilon, y);
                return on.Floats(y);
            }, (6 + Math.Sqrt(width)) * Exact.U * 6, (6 + Math.Sqrt(width)) * Exact.U);
        }
    }

    private static void Softmax(Operands on, Outcome outcome)
    {
        foreach (var (rows, width) in Shapes)
        {
            var x = Exact.Noise(1, rows * width, 12);
            var (xs, y) = (on.Place(new Shape(rows, width), x), on.Output(new Shape(rows, width)));
            var expected = x.Chunk(width).SelectMany(row =>
            {
                var largest = (double)row.Max();
                var sum = row.Sum(v => Math.Exp(v - largest));
                return row.Select(v => Math.Exp(v - largest) / sum);
            }).ToArray();
            outcome.Compare(expected, () =>
            {
                on.Clear(y);
                on.Backend.Softmax(xs, y);
                return on.Floats(y);
            }, 1e-12, 2 * Exp + (30 + Math.Sqrt(width)) * Exact.U);
        }
    }

    /// <summary>(a, b) becomes (a cos - b sin, b cos + a sin).</summary>
    private static void Rope(Operands on, Outcome outcome, RopePairing pairing)
    {
        foreach (var (rows, heads, dim, pairs) in (ReadOnlySpan<(int, int, int, int)>)[(1, 1, 2, 1), (3, 2, 24, 12), (2, 3, 80, 16)])
        {
            var x = Exact.Noise(1, rows * heads * dim);
            var angles = Exact.Noise(2, rows * pairs, MathF.PI);
            float[] cosine = Array.ConvertAll(angles, MathF.Cos), sine = Array.ConvertAll(angles, MathF.Sin);
            var tensor = on.Place(new Shape(rows, heads, dim), x);
            var positions = on.Place(new Shape(rows), [.. Enumerable.Range(0, rows).Reverse()]);
            var (cosines, sines) = (on.Place(new Shape(rows, pairs), cosine), on.Place(new Shape(rows, pairs), sine));
            var expected = Array.ConvertAll(x, v => (double)v);
            for (var i = 0; i < rows * heads * pairs; i++)
            {
                var (row, head, pair) = (i / (heads * pairs), i / pairs % heads, i % pairs);
                var at = (row * heads + head) * dim;
                var (p, q) = pairing == RopePairing.Half ? (at + pair, at + pair + pairs) : (at + 2 * pair, at + 2 * pair + 1);
                double c = cosine[(rows - 1 - row) * pairs + pair], s = sine[(rows - 1 - row) * pairs + pair];
                (expected[p], expected[q]) = (x[p] * c - x[q] * s, x[q] * c + x[p] * s);
            }
            outcome.Compare(expected, () =>
            {
                on.Backend.Upload<float>(x, tensor);
                on.Backend.Rope(tensor, positions, cosines, sines, pairing);
                return on.Floats(tensor);
            }, 4 * Exact.U);
        }
    }

    /// <summary>The Hadamard matrix of the largest power of two that divides a head, over √n.</summary>
    private static void Rotate(Operands on, Outcome outcome)
    {
        foreach (var (rows, width) in (ReadOnlySpan<(int, int)>)[(1, 8), (3, 24), (2, 128), (2, 80)])
        {
            var run = width & -width;
            var x = Exact.Noise(1, rows * width);
            var tensor = on.Place(new Shape(rows, 1, width), x);
            var expected = x.Chunk(run).SelectMany(part => Enumerable.Range(0, run).Select(i => Enumerable.Range(0, run).Sum(j =>
                int.IsOddInteger(System.Numerics.BitOperations.PopCount((uint)(i & j))) ? -(double)part[j] : part[j]) / Math.Sqrt(run)));
            outcome.Compare([.. expected], () =>
            {
                on.Backend.Upload<float>(x, tensor);
                on.Backend.Rotate(tensor);
                return on.Floats(tensor);
            }, Exact.U * (2 + Math.Log2(run)) * Math.Sqrt(run), 2 * Exact.U);
        }
    }

    private static void CopyRows(Operands on, Outcome outcome)
    {
        foreach (var (rows, width) in Shapes)
        {
            var x = Exact.Noise(1, rows * width);
            var chosen = Exact.Integers(2, 3, rows);
            var (xs, ids, y) = (on.Place(new Shape(rows, width), x), on.Place(new Shape(3), chosen), on.Output(new Shape(3, width)));
            outcome.Compare([.. chosen.SelectMany(row => x[(row * width)..((row + 1) * width)].Select(v => (double)v))], () =>
            {
                on.Clear(y);
                on.Backend.CopyRows(xs, ids, y);
                return on.Floats(y);
            }, 0);
        }
    }

    /// <summary>y[rows[i]] += scales[i] · x[i].</summary>
    private static void AddRows(Operands on, Outcome outcome)
    {
        foreach (var (rows, width) in Shapes)
        {
            float[] x = Exact.Noise(1, rows * width), before = Exact.Noise(2, (rows + 1) * width), factors = Exact.Noise(3, rows);
            var (xs, y) = (on.Place(new Shape(rows, width), x), on.Place(new Shape(rows + 1, width), before));
            var (places, scales) = (on.Place(new Shape(rows), [.. Enumerable.Range(1, rows)]), on.Place(new Shape(rows), factors));
            var expected = before.Select((v, i) => i < width ? v : v + (double)factors[i / width - 1] * x[i - width]).ToArray();
            outcome.Compare(expected, () =>
            {
                on.Backend.Upload<float>(before, y);
                on.Backend.AddRows(xs, places, scales, y);
                return on.Floats(y);
            }, 4 * Exact.U);
        }
    }

    /// <summary>By descending value, then ascending index; NaN counts as -∞.</summary>
    private static void TopK(Operands on, Outcome outcome)
    {
        foreach (var (width, k) in (ReadOnlySpan<(int, int)>)[(1, 1), (33, 5), (257, 40), (9000, 4)])
        {
            const int rows = 2;
            var x = Array.ConvertAll(Exact.Noise(1, rows * width, 50), MathF.Round);        // full of ties
            if (width > 5) x[3] = float.NaN;
            var xs = on.Place(new Shape(rows, width), x);
            var (values, indices) = (on.Output(new Shape(rows, k)), on.Output(new Shape(rows, k), ElementType.I32));
            var order = Enumerable.Range(0, rows).SelectMany(row => Enumerable.Range(0, width)
                .OrderByDescending(i => float.IsNaN(x[row * width + i]) ? float.NegativeInfinity : x[row * width + i]).ThenBy(i => i)
                .Take(k).Select(i => (Row: row, Index: i))).ToArray();
            double[] expected = [.. order.Select(at => (double)x[at.Row * width + at.Index]), .. order.Select(at => (double)at.Index)];
            outcome.Compare(expected, () =>
            {
                on.Clear(values);
                on.Clear(indices);
                on.Backend.TopK(xs, values, indices);
                return [.. on.Floats(values), .. on.Integers(indices)];
            }, 0);
        }
    }
}
