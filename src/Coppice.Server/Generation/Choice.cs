namespace Coppice.Server.Generation;

/// <summary>One of the texts that a request asks for.</summary>
/// <param name="Index">Its place among them.</param>
/// <param name="Prompt">What it goes on from.</param>
/// <param name="Options">How.</param>
internal sealed record Choice(int Index, int[] Prompt, GenerationOptions Options)
{
    private const int TracedTokens = 5;

    /// <summary>
    /// <paramref name="count"/> texts after <paramref name="prompt"/>: the first is the one that a request for one gets, each further one
    /// has the next seed, and each its own trace where there are any.
    /// </summary>
    public static IEnumerable<Choice> Of(int first, int[] prompt, GenerationOptions options, int count, bool isTraced) =>
        Enumerable.Range(0, count).Select(i => new Choice(
            first + i, prompt,
            options with { Seed = unchecked(options.Seed + (ulong)i), Trace = isTraced ? new GenerationTrace(TracedTokens) : null }));
}

/// <summary>Gets the pieces of texts as they come; those of one text one after the other, those of several at the same time.</summary>
internal interface IChoiceSink
{
    /// <summary>A piece of text <paramref name="index"/>; <paramref name="more"/> where the next one is there already.</summary>
    ValueTask TakeAsync(int index, GeneratedPiece piece, bool more);

    /// <summary>Text <paramref name="index"/> has ended.</summary>
    ValueTask EndAsync(int index, GenerationResult result);
}
