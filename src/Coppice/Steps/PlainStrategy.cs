using System.Runtime.CompilerServices;

namespace Coppice;

/// <summary>One token after the other.</summary>
internal sealed class PlainStrategy : IDecodingStrategy
{
    public static PlainStrategy Instance { get; } = new();

    /// <inheritdoc/>
    public async IAsyncEnumerable<StepText> RunAsync(StepText text, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (!text.IsFinished)
        {
            await text.StepAsync(cancellationToken).ConfigureAwait(false);
            yield return text;
        }
    }
}
