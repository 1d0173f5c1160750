using Coppice.Cache;
using Coppice.Models;

namespace Coppice.Cli.Measuring;

/// <summary>What one pass must read and compute, from the model's sizes alone.</summary>
/// <param name="spec">The model.</param>
/// <param name="weightBytes">Bytes of all its weights in memory.</param>
/// <param name="kv">How keys and values are kept.</param>
internal sealed class ModelWork(ModelSpec spec, long weightBytes, KvCacheOptions kv)
{
    // of a layer
    private readonly double _tokenBytes = KvBytes.OfCompressed(kv, new KvGeometry(1, spec.KvHeads, spec.HeadDim, kv.Type));
    private readonly long _parameters = WeightPlan.Build(spec, ModelFamilyMap(spec)).ParameterCount;

    /// <summary>
    /// Bytes that a pass over <paramref name="rows"/> tokens at once reads after <paramref name="context"/> tokens: the weights once, keys
    /// and values once.
    /// </summary>
    public double Bytes(int rows, int context) =>
        (double)weightBytes / _parameters * ReadParameters(rows)
        + _tokenBytes * spec.Layers.Sum(layer => Visible(layer, context + rows));

    /// <summary>Multiplications and additions of such a pass that gives the logits of one token.</summary>
    public double Flops(int rows, int context)
    {
        var head = (double)spec.VocabularySize * spec.HiddenSize;
        var layers = ComputedParameters() - head;
        var scores = spec.Layers.Sum(layer => Enumerable.Range(1, rows).Sum(row => (double)Visible(layer, context + row)));
        return 2 * layers * rows + 2 * head + 4.0 * spec.QueryWidth * scores;
    }

    /// <summary>Multiplications and additions of an encoder for a text of <paramref name="tokens"/> tokens.</summary>
    public double EncoderFlops(int tokens)
    {
        var layers = ComputedParameters() - (double)spec.TokenTypes * spec.HiddenSize;
        return 2 * layers * tokens + 4.0 * spec.QueryWidth * tokens * tokens * spec.Layers.Count;
    }

    /// <summary>Parameters that each token is multiplied with, the head among them: of the experts only those that run.</summary>
    private double ComputedParameters() =>
        _parameters - IdleExperts(1) - (spec.TiedHead ? 0 : Embedding) - (double)spec.LearnedPositions * spec.HiddenSize;

    /// <summary>
    /// Parameters that a pass reads: of an embedding only the rows of its tokens, of the experts at most those that its tokens choose.
    /// </summary>
    private double ReadParameters(int rows) => _parameters - IdleExperts(rows) - (spec.TiedHead ? 0 : Embedding);

    private double Embedding => (double)spec.VocabularySize * spec.HiddenSize;

    private double IdleExperts(int rows)
    {
        if (spec.Experts is not { } experts) return 0;
        var idle = experts.Count - Math.Min(experts.Count, (long)experts.PerToken * rows);
        return 3.0 * experts.MlpSize * spec.HiddenSize * idle * spec.Layers.Count(layer => layer.Sparse);
    }

    private static long Visible(LayerSpec layer, int length) => layer.Window > 0 ? Math.Min(layer.Window, length) : length;

    private static TensorMap ModelFamilyMap(ModelSpec spec) =>
        ModelFamily.All.First(family => family.ModelTypes.Contains(spec.ModelType)).Map(spec);
}
