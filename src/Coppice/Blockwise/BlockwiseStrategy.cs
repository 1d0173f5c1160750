using System.Runtime.CompilerServices;

namespace Coppice;

/// <summary>See <see cref="BlockwiseOptions"/>.</summary>
/// <param name="count">Draws of a block, at least 1.</param>
/// <param name="block">Tokens of a block, at least 1.</param>
/// <param name="scorer">What they are compared by.</param>
internal sealed class BlockwiseStrategy(int count, int block, ISequenceScorer scorer) : IDecodingStrategy
{
    /// <inheritdoc/>
    public async IAsyncEnumerable<StepText> RunAsync(StepText text, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (!text.IsFinished)
        {
            if (count > 1) text = await BestAsync(text, cancellationToken).ConfigureAwait(false);
            else await ExtendAsync(text, cancellationToken).ConfigureAwait(false);
            yield return text;
        }
    }

    private async Task<StepText> BestAsync(StepText text, CancellationToken cancellationToken)
    {
        // What the draws have in common is run before they part.
        await text.Model.NextAsync(cancellationToken).ConfigureAwait(false);
        var draws = new List<StepText>(count);
        StepText? best = null;
        try
        {
            for (var i = 0; i < count; i++) draws.Add(text.Fork((ulong)i - text.Draws));
            await StepTexts.AllAsync(draws, draw => ExtendAsync(draw, cancellationToken)).ConfigureAwait(false);
            return best = draws[await StepTexts.BestAsync(draws, scorer, cancellationToken).ConfigureAwait(false)];
        }
        finally
        {
            foreach (var draw in draws.Where(draw => draw != best)) draw.Dispose();
        }
    }

    private async Task ExtendAsync(StepText text, CancellationToken cancellationToken)
    {
        var end = text.Tokens.Count + (long)block;
        while (!text.IsFinished && text.Tokens.Count < end) await text.StepAsync(cancellationToken).ConfigureAwait(false);
    }
}
