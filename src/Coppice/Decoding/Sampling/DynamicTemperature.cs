using System.Numerics.Tensors;

namespace Coppice.Decoding.Sampling;

/// <summary>
/// A temperature that grows with the entropy of the row: least + (most - least) · (H / ln n)^exponent, of n tokens that can be chosen.
/// </summary>
/// <param name="least">At entropy 0, at least 0.</param>
/// <param name="most">Where all tokens are equally probable.</param>
/// <param name="exponent">Above 0.</param>
/// <remarks>
/// Source: Zhang et al., EDT: Improving Large Language Models' Generation by Entropy-based Dynamic Temperature Sampling; the form of
/// llama.cpp.
/// </remarks>
internal sealed class DynamicTemperature(float least, float most, float exponent) : LogitsProcessor
{
    /// <inheritdoc/>
    public override bool AllowsCandidates => true;
    /// <inheritdoc/>
    public override bool NeedsAll => true;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        if (!Softmax.TryOf(ref candidates, out var softmax)) return;
        var logits = candidates.Logits;
        var count = Truncation.Count(logits);
        if (count < 2) return;
        var share = Math.Clamp(softmax.Entropy / Math.Log(count), 0, 1);
        // Temperature 0 would divide by it; the smallest float leaves the same tokens.
        var temperature = Math.Max((float)(least + (most - (double)least) * Math.Pow(share, exponent)), float.Epsilon);
        TensorPrimitives.Subtract(logits, softmax.Max, logits);
        TensorPrimitives.Divide(logits, temperature, logits);
    }
}
