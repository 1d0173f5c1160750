namespace Coppice;

/// <summary>
/// What a solver needs of a generated translation: where the model was not sure, and which part of the source each part was written from.
/// </summary>
/// <param name="Tokens">The output.</param>
/// <param name="Text">Its text.</param>
/// <param name="Spans">Where the model was not sure.</param>
/// <param name="Alignment">Of tokens.</param>
/// <param name="Lines">Of lines: a token is in the line in which its text begins.</param>
public sealed record GuessResult(
    IReadOnlyList<int> Tokens, string Text, IReadOnlyList<UncertainSpan> Spans, TokenAlignment Alignment, LineAlignment Lines);
