namespace Coppice.Text.Decoders;

/// <summary>What decoding knows of a token before it knows its place.</summary>
/// <param name="Form">As the vocabulary writes it.</param>
/// <param name="Middle">What the first stages make of it where it is not the first.</param>
/// <param name="Text">What it adds to most texts in which it is neither first nor last.</param>
/// <param name="IsSpecial">Whether it is the text of a special token.</param>
internal sealed record DecodedToken(string Form, string Middle, string Text, bool IsSpecial);
