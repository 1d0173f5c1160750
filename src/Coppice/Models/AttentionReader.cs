using System.Numerics.Tensors;
using Coppice.Kernels;
using Tensor = Coppice.Kernels.Tensor;

namespace Coppice.Models;

/// <summary>
/// Keeps the queries and keys of one text in some layers, and computes from them on the host what the text's rows attend to. What a kernel
/// of attention never writes down, its softmax, is found again here for the rows and positions that are asked for.
/// </summary>
/// <remarks>
/// Memory: F32, tokens × key width and queries × query width a layer. A pass that is watched copies its rows of queries, keys and values
/// from the device in each of these layers. Rows that run again, because their pages were given up, are kept again.
/// </remarks>
internal sealed class AttentionReader
{
    private readonly ModelSpec _spec;
    private readonly int[] _layers, _heads;
    private readonly int _tokens, _first;
    private readonly float[][] _keys, _queries;
    private float[] _rows = [];

    /// <summary>A reader of a text.</summary>
    /// <param name="spec">The model.</param>
    /// <param name="layers">Ascending, at least one.</param>
    /// <param name="heads">Query heads, at least one.</param>
    /// <param name="tokens">Of the text.</param>
    /// <param name="first">The first position whose attention is wanted; all after it are too.</param>
    public AttentionReader(ModelSpec spec, int[] layers, int[] heads, int tokens, int first)
    {
        (_spec, _layers, _heads, _tokens, _first) = (spec, layers, heads, tokens, first);
        _keys = [.. layers.Select(_ => new float[tokens * spec.KvWidth])];
        _queries = [.. layers.Select(_ => new float[(tokens - first) * spec.QueryWidth])];
    }

    /// <summary>Keeps rows of a layer, where it is one of those that are watched.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="backend">The device.</param>
    /// <param name="qkv">[rows, queries and keys and values], F32, turned by their positions.</param>
    /// <param name="position">Of the first row.</param>
    public void Keep(int layer, Backend backend, Tensor qkv, int position)
    {
        var at = Array.IndexOf(_layers, layer);
        if (at < 0) return;
        var (width, rows) = (_spec.QkvWidth, qkv.Rows);
        if (_rows.Length < rows * width) _rows = new float[rows * width];
        backend.Download(qkv, _rows.AsSpan(0, rows * width));
        for (var row = 0; row < rows; row++)
        {
            var all = _rows.AsSpan(row * width, width);
            var place = position + row;
            all.Slice(_spec.QueryWidth, _spec.KvWidth).CopyTo(_keys[at].AsSpan(place * _spec.KvWidth));
            if (place >= _first) all[.._spec.QueryWidth].CopyTo(_queries[at].AsSpan((place - _first) * _spec.QueryWidth));
        }
    }

    /// <summary>
    /// [rows from the first on, positions of <paramref name="source"/>]: the mean over layers and heads of softmax(q · k), which over all
    /// positions is 1.
    /// </summary>
    /// <remarks>Time: O(layers · heads · rows · tokens · head size), on the calling thread.</remarks>
    public double[,] Weights(Range source)
    {
        var (start, count) = source.GetOffsetAndLength(_tokens);
        var weights = new double[_tokens - _first, count];
        var scores = new double[_tokens];
        var share = 1.0 / (_layers.Length * _heads.Length);
        for (var at = 0; at < _layers.Length; at++)
        {
            var window = _spec.Layers[_layers[at]].Window;
            foreach (var head in _heads)
            {
                for (var row = 0; row < weights.GetLength(0); row++)
                {
                    var position = _first + row;
                    var from = window > 0 ? Math.Max(position - window + 1, 0) : 0;
                    var sum = Softmax(at, head, row, scores.AsSpan(from, position + 1 - from), from);
                    var end = Math.Min(start + count, position + 1);
                    for (var j = Math.Max(start, from); j < end; j++) weights[row, j - start] += share * scores[j] / sum;
                }
            }
        }
        return weights;
    }

    /// <summary>e^(score - largest) of each position from <paramref name="from"/> on; their sum.</summary>
    private double Softmax(int at, int head, int row, Span<double> scores, int from)
    {
        var size = _spec.HeadDim;
        var query = _queries[at].AsSpan(row * _spec.QueryWidth + head * size, size);
        var keyHead = head / (_spec.QueryHeads / _spec.KvHeads);
        var largest = double.NegativeInfinity;
        for (var j = 0; j < scores.Length; j++)
        {
            var key = _keys[at].AsSpan((from + j) * _spec.KvWidth + keyHead * size, size);
            double score = TensorPrimitives.Dot<float>(query, key) * _spec.AttentionScale;
            if (_spec.AttentionSoftCap > 0) score = _spec.AttentionSoftCap * Math.Tanh(score / _spec.AttentionSoftCap);
            scores[j] = score;
            largest = Math.Max(largest, score);
        }
        var sum = 0.0;
        for (var j = 0; j < scores.Length; j++) sum += scores[j] = Math.Exp(scores[j] - largest);
        return sum;
    }
}
