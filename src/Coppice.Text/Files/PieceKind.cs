namespace Coppice.Text.Files;

/// <summary>What a piece of a SentencePiece model is for.</summary>
internal enum PieceKind
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}
