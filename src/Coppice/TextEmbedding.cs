namespace Coppice;

/// <summary>The vector of a text.</summary>
/// <param name="Vector">[dimensions].</param>
/// <param name="TokenCount">Tokens it was computed from, special ones included.</param>
/// <param name="IsTruncated">Whether the text had more tokens than the model takes, and its end was left out.</param>
public readonly record struct TextEmbedding(ReadOnlyMemory<float> Vector, int TokenCount, bool IsTruncated);
