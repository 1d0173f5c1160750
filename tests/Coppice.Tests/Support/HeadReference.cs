namespace Coppice.Tests.Support;

/// <summary>
/// What draft heads of <see cref="TinyHeads"/> compute, in double precision and straight from the papers; shares no code with the engine.
/// </summary>
internal sealed class HeadReference(TinyHeads heads, int width, float[] embedding)
{
    private const int QueryHeads = 4, KvHeads = 2;
    private const double Epsilon = 1e-5, Theta = 10000;

    /// <summary>Logits of Medusa's head over a state.</summary>
    public double[] Medusa(int head, ReadOnlySpan<float> state)
    {
        var z = Doubles(state);
        for (var block = 0; block < heads.Blocks; block++) z = Block($"head {head} block {block}", z);
        return Logits(z);
    }

    /// <summary>Logits of Hydra's head over a state and the tokens after it.</summary>
    public double[] Hydra(int head, ReadOnlySpan<double> state, ReadOnlySpan<int> tokens)
    {
        List<double> u = [.. state];
        foreach (var token in tokens) u.AddRange(Doubles(embedding.AsSpan(token * width, width)));
        var z = Linear($"head {head} residual", [.. u]);
        var gate = Linear($"head {head} gate", [.. u]);
        for (var i = 0; i < width; i++) z[i] += Silu(gate[i]);
        for (var block = 1; block < heads.Blocks; block++) z = Block($"head {head} block", z);
        return Logits(z);
    }

    /// <summary>Outputs of the prefix layer over states [tokens][width], each seeing those before it.</summary>
    public double[][] Prefix(double[][] states)
    {
        var dim = width / QueryHeads;
        var normed = states.Select(state => Norm(state, "layers.0.input_layernorm")).ToArray();
        var queries = normed.Select((h, t) => Rotate(Product("self_attn.q_proj", h, width), t, dim)).ToArray();
        var keys = normed.Select((h, t) => Rotate(Product("self_attn.k_proj", h, KvHeads * dim), t, dim)).ToArray();
        var values = normed.Select(h => Product("self_attn.v_proj", h, KvHeads * dim)).ToArray();
        return [.. states.Select((state, t) =>
        {
            var mixed = new double[width];
            for (var head = 0; head < QueryHeads; head++)
            {
                var kv = head / (QueryHeads / KvHeads) * dim;
                var scores = Enumerable.Range(0, t + 1).Select(s =>
                    Enumerable.Range(0, dim).Sum(i => queries[t][head * dim + i] * keys[s][kv + i]) / Math.Sqrt(dim)).ToArray();
                var weights = scores.Select(score => Math.Exp(score - scores.Max())).ToArray();
                for (var s = 0; s <= t; s++)
                    for (var i = 0; i < dim; i++) mixed[head * dim + i] += weights[s] / weights.Sum() * values[s][kv + i];
            }
            var x = Sum(state, Product("self_attn.o_proj", mixed, width));
            var h = Norm(x, "layers.0.post_attention_layernorm");
            var (gate, up) = (Product("mlp.gate_proj", h, 80), Product("mlp.up_proj", h, 80));
            return Norm(Sum(x, Product("mlp.down_proj", [.. gate.Zip(up, (g, u) => Silu(g) * u)], width)), "norm");
        })];
    }

    /// <summary>A state as doubles.</summary>
    public static double[] Doubles(ReadOnlySpan<float> values)
    {
        var made = new double[values.Length];
        for (var i = 0; i < made.Length; i++) made[i] = values[i];
        return made;
    }

    private double[] Block(string role, double[] z)
    {
        var added = Linear(role, z);
        return [.. z.Zip(added, (value, more) => value + Silu(more))];
    }

    private double[] Linear(string role, double[] x) =>
        Sum(Multiply(heads.Values(role + " weight", width, x.Length), x, width), Doubles(heads.Values(role + " bias", width)));

    private double[] Product(string name, double[] x, int outputs) =>
        Multiply(heads.Values("prefix " + name, outputs, x.Length), x, outputs);

    private double[] Logits(double[] z) => Multiply(heads.Head, z, heads.Head.Length / width);

    private double[] Norm(double[] x, string name)
    {
        var (gain, scale) = (heads.Values("prefix " + name, width), 1 / Math.Sqrt(x.Sum(value => value * value) / width + Epsilon));
        return [.. x.Select((value, i) => value * scale * gain[i])];
    }

    private static double[] Rotate(double[] x, int position, int dim)
    {
        var turned = new double[x.Length];
        for (var i = 0; i < x.Length; i++)
        {
            var (head, place) = (i / dim * dim, i % dim);
            var pair = place % (dim / 2);
            var angle = position * Math.Pow(Theta, -2.0 * pair / dim);
            var (a, b) = (x[head + pair], x[head + pair + dim / 2]);
            turned[i] = place < dim / 2 ? a * Math.Cos(angle) - b * Math.Sin(angle) : b * Math.Cos(angle) + a * Math.Sin(angle);
        }
        return turned;
    }

    private static double[] Multiply(float[] matrix, double[] x, int outputs) =>
        [.. Enumerable.Range(0, outputs).Select(row => x.Select((value, i) => value * matrix[row * x.Length + i]).Sum())];

    private static double[] Sum(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];

    private static double Silu(double x) => x / (1 + Math.Exp(-x));
}
