namespace Coppice.Text.Files;

/// <summary>One piece of a SentencePiece model; its place in the list is its id.</summary>
internal sealed record ScoredPiece(string Text, float Score, PieceKind Kind);
