namespace Coppice.Decoding.Sampling;

/// <summary>z + bias for every token that has one; a bias of -∞ bans its token.</summary>
/// <param name="biases">By token, each below the vocabulary's size; finite or -∞.</param>
internal sealed class LogitBias(IReadOnlyDictionary<int, float> biases) : LogitsProcessor
{
    private readonly KeyValuePair<int, float>[] _biases = [.. biases];

    /// <inheritdoc/>
    public override bool AllowsCandidates { get; } = biases.Values.All(bias => bias <= 0);

    /// <inheritdoc/>
    public override int MostLowered => _biases.Length;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        foreach (var (id, bias) in _biases)
        {
            if (!candidates.TryIndexOf(id, out var index)) continue;
            ref var logit = ref candidates.Logits[index];
            if (float.IsNegativeInfinity(bias)) logit = bias;
            else if (float.IsFinite(logit)) logit = (float)Math.Clamp((double)logit + bias, -float.MaxValue, float.MaxValue);
        }
    }
}
