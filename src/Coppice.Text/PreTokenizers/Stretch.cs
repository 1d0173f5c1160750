namespace Coppice.Text.PreTokenizers;

/// <summary>One stretch of a text that a split looks at: a match or what lies between matches.</summary>
internal readonly record struct Stretch(int Start, int End, bool IsMatch);
