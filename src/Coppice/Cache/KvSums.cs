namespace Coppice.Cache;

/// <summary>Sums over the keys and queries of a text, channel by channel of every head and layer.</summary>
/// <param name="geometry">Sizes.</param>
/// <param name="queryHeads">Query heads; those of a KV head are one after another.</param>
internal sealed class KvSums(KvGeometry geometry, int queryHeads)
{
    private readonly double[] _ranges = new double[geometry.Layers * geometry.KvHeads * geometry.HeadDim];
    private readonly double[] _squares = new double[geometry.Layers * geometry.KvHeads * geometry.HeadDim];
    private readonly long[] _chunks = new long[geometry.Layers], _rows = new long[geometry.Layers];

    /// <summary>Adds the squared range of each channel over rows that are compressed together.</summary>
    /// <param name="layer">Index of the layer.</param>
    /// <param name="keys">[rows, kvHeads, headDim].</param>
    public void AddKeys(int layer, ReadOnlySpan<float> keys)
    {
        var channels = geometry.KvHeads * geometry.HeadDim;
        for (var channel = 0; channel < channels; channel++)
        {
            float low = float.PositiveInfinity, high = float.NegativeInfinity;
            for (var at = channel; at < keys.Length; at += channels) (low, high) = (MathF.Min(low, keys[at]), MathF.Max(high, keys[at]));
            _ranges[layer * channels + channel] += ((double)high - low) * ((double)high - low);
        }
        _chunks[layer]++;
    }

    /// <summary>Adds the square of each element of queries to the channel of the KV head that they read.</summary>
    /// <param name="layer">Index of the layer.</param>
    /// <param name="queries">[rows, queryHeads, headDim].</param>
    public void AddQueries(int layer, ReadOnlySpan<float> queries)
    {
        var (dim, group) = (geometry.HeadDim, queryHeads / geometry.KvHeads);
        for (var i = 0; i < queries.Length; i++)
        {
            var head = i / dim % queryHeads;
            _squares[(layer * geometry.KvHeads + head / group) * dim + i % dim] += (double)queries[i] * queries[i];
        }
        _rows[layer] += queries.Length / (dim * geometry.KvHeads);
    }

    /// <summary>[layers, kvHeads, headDim]: mean squares of ranges.</summary>
    public float[] Ranges() => Means(_ranges, _chunks);
    /// <summary>[layers, kvHeads, headDim]: mean squares of the queries' elements.</summary>
    public float[] Weights() => Means(_squares, _rows);

    private float[] Means(double[] sums, long[] counts)
    {
        var channels = geometry.KvHeads * geometry.HeadDim;
        return [.. sums.Select((sum, i) => (float)(sum / Math.Max(counts[i / channels], 1)))];
    }
}
