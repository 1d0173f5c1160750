namespace Coppice;

/// <summary>
/// Of a <see cref="ContrastiveModel"/> cuts off what one of its models finds implausible: z &lt; ln β + max z over the tokens that may
/// still be chosen.
/// </summary>
/// <param name="beta">β, above 0, at most 1.</param>
/// <param name="term">The model's place among the terms.</param>
public sealed class PlausibilityCut(double beta, int term = 0) : ITokenProcessor
{
    /// <inheritdoc/>
    public async ValueTask ProcessAsync(StepText text, Memory<float> logits, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Model is not ContrastiveModel model)
            throw new InvalidOperationException("contrast: the plausibility cut must have a ContrastiveModel as the text's model.");
        var row = await model.RowAsync(term, cancellationToken).ConfigureAwait(false);
        Cut(row.Span, logits.Span);
    }

    /// <inheritdoc/>
    public ITokenProcessor Fork() => this;

    private void Cut(ReadOnlySpan<float> row, Span<float> logits)
    {
        var max = float.NegativeInfinity;
        for (var i = 0; i < logits.Length; i++)
        {
            if (logits[i] > float.NegativeInfinity && row[i] > max) max = row[i];
        }
        var floor = max + Math.Log(beta);
        for (var i = 0; i < logits.Length; i++)
        {
            if (!(row[i] >= floor)) logits[i] = float.NegativeInfinity;
        }
    }
}
