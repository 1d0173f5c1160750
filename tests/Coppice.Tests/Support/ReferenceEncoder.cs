using System.Runtime.InteropServices;
using System.Text.Json;
using Coppice.Kernels.Tests.Reference;
using Coppice.Weights;

namespace Coppice.Tests.Support;

/// <summary>
/// BERT in double precision, written from the papers (Devlin et al. 2019, Vaswani et al. 2017), with nothing of the engine but the reader
/// of F32 tensors.
/// </summary>
internal sealed class ReferenceEncoder
{
    private readonly Dictionary<string, double[]> _tensors = new(StringComparer.Ordinal);
    private readonly int _hidden, _heads, _layers, _width, _firstPosition;
    private readonly double _epsilon;

    public ReferenceEncoder(string folder)
    {
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "config.json")));
        int Number(string key) => config.RootElement.GetProperty(key).GetInt32();
        (_hidden, _heads, _layers, _width) = (Number("hidden_size"), Number("num_attention_heads"), Number("num_hidden_layers"),
            Number("intermediate_size"));
        _epsilon = config.RootElement.GetProperty("layer_norm_eps").GetDouble();
        _firstPosition = config.RootElement.GetProperty("model_type").GetString() == "bert" ? 0 : Number("pad_token_id") + 1;
        using var file = SafetensorsFile.Open(Path.Combine(folder, "model.safetensors"));
        foreach (var (name, entry) in file.Tensors)
        {
            var values = MemoryMarshal.Cast<byte, float>(file.Bytes(entry)).ToArray();
            _tensors[name[(name.IndexOf('.', StringComparison.Ordinal) + 1)..]] = Array.ConvertAll(values, value => (double)value);
        }
    }

    /// <summary>The vector of a text of these tokens.</summary>
    public double[] Embed(int[] ids, Pooling pooling, bool normalize)
    {
        var states = States(ids);
        var vector = pooling switch
        {
            Pooling.FirstToken => states[0],
            Pooling.LastToken => states[^1],
            _ => [.. Enumerable.Range(0, _hidden).Select(i => states.Average(state => state[i]))],
        };
        var length = normalize ? Math.Sqrt(vector.Sum(value => value * value)) : 1;
        return Array.ConvertAll(vector, value => value / length);
    }

    /// <summary>The last hidden state of each token.</summary>
    public double[][] States(int[] ids)
    {
        var x = ids.Select((id, i) => Normed("embeddings.LayerNorm", Sum(
            Row("embeddings.word_embeddings.weight", id), Row("embeddings.token_type_embeddings.weight", 0),
            Row("embeddings.position_embeddings.weight", _firstPosition + i)))).ToArray();
        for (var layer = 0; layer < _layers; layer++)
        {
            var name = $"encoder.layer.{layer}.";
            var attended = Attention(name + "attention.self.", x);
            for (var t = 0; t < x.Length; t++)
            {
                var projected = Linear(name + "attention.output.dense", attended[t], _hidden);
                var middle = Normed(name + "attention.output.LayerNorm", Sum(x[t], projected));
                var up = Linear(name + "intermediate.dense", middle, _width);
                var activated = Array.ConvertAll(up, value => value * NormalDistribution.Cumulative(value));
                x[t] = Normed(name + "output.LayerNorm", Sum(middle, Linear(name + "output.dense", activated, _hidden)));
            }
        }
        return x;
    }

    private double[][] Attention(string name, double[][] x)
    {
        var (queries, keys, values) = (Project("query"), Project("key"), Project("value"));
        var size = _hidden / _heads;
        var results = x.Select(_ => new double[_hidden]).ToArray();
        for (var head = 0; head < _heads; head++)
        {
            var from = head * size;
            for (var t = 0; t < x.Length; t++)
            {
                var scores = keys.Select(key => Dot(queries[t], key, from, size) / Math.Sqrt(size)).ToArray();
                var weights = Array.ConvertAll(scores, score => Math.Exp(score - scores.Max()));
                for (var i = from; i < from + size; i++)
                    results[t][i] = weights.Select((weight, s) => weight * values[s][i]).Sum() / weights.Sum();
            }
        }
        return results;

        double[][] Project(string part) => [.. x.Select(row => Linear(name + part, row, _hidden))];
    }

    private static double Dot(double[] a, double[] b, int from, int size) => Enumerable.Range(from, size).Sum(i => a[i] * b[i]);

    private double[] Linear(string name, double[] x, int outputs)
    {
        var (weight, bias) = (_tensors[name + ".weight"], _tensors[name + ".bias"]);
        return [.. Enumerable.Range(0, outputs).Select(o => bias[o] + Enumerable.Range(0, x.Length)
            .Sum(i => weight[o * x.Length + i] * x[i]))];
    }

    private double[] Normed(string name, double[] x)
    {
        var mean = x.Average();
        var deviation = Math.Sqrt(x.Average(value => (value - mean) * (value - mean)) + _epsilon);
        var (weight, bias) = (_tensors[name + ".weight"], _tensors[name + ".bias"]);
        return [.. x.Select((value, i) => weight[i] * (value - mean) / deviation + bias[i])];
    }

    private double[] Row(string name, int row) => _tensors[name][(row * _hidden)..((row + 1) * _hidden)];

    private static double[] Sum(params double[][] parts) =>
        [.. Enumerable.Range(0, parts[0].Length).Select(i => parts.Sum(part => part[i]))];
}
