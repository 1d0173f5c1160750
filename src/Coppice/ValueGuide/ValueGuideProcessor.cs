using Coppice.Decoding.Sampling;

namespace Coppice;

/// <summary>Keeps the k largest logits and adds weight · value to each: see <see cref="ValueGuideOptions"/>.</summary>
/// <param name="value">What a text with a token is worth.</param>
/// <param name="candidates">k, at least 1.</param>
/// <param name="weight">At least 0; with 0 no value is asked for.</param>
public sealed class ValueGuideProcessor(IContinuationValue value, int candidates, double weight) : ITokenProcessor
{
    private const double Bit = 0.69314718055994531;

    /// <summary>Rows of less entropy than this, in bits, get no values.</summary>
    public double LeastEntropy { get; init; }

    /// <inheritdoc/>
    public async ValueTask ProcessAsync(StepText text, Memory<float> logits, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = Keep(logits.Span);
        if (weight == 0 || ids.Length < 2 || (LeastEntropy > 0 && Entropy(logits.Span) < LeastEntropy)) return;
        var forks = new List<StepText>(ids.Length);
        try
        {
            // What looks ahead is under the same constraint and processors before this one.
            foreach (var id in ids)
            {
                forks.Add(text.ForkBefore(this));
                await forks[^1].AppendAsync(id, cancellationToken).ConfigureAwait(false);
            }
            var values = new double[ids.Length];
            await value.EstimateAsync(forks, values, cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < ids.Length; i++)
                logits.Span[ids[i]] = (float)Math.Clamp(logits.Span[ids[i]] + weight * values[i], -float.MaxValue, float.MaxValue);
        }
        finally
        {
            foreach (var fork in forks) fork.Dispose();
        }
    }

    /// <inheritdoc/>
    public ITokenProcessor Fork() => this;

    /// <summary>Cuts off all but the largest; their ids.</summary>
    private int[] Keep(Span<float> logits)
    {
        if (candidates < logits.Length) LargestLogits.Keep(logits, candidates);
        var ids = new List<int>(candidates);
        for (var id = 0; id < logits.Length; id++)
        {
            if (logits[id] > float.NegativeInfinity) ids.Add(id);
        }
        return [.. ids];
    }

    private static double Entropy(Span<float> logits)
    {
        var row = new Candidates(logits);
        return Softmax.TryOf(ref row, out var softmax) ? softmax.Entropy / Bit : 0;
    }
}
