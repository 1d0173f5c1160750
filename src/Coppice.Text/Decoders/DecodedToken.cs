using System.Runtime.Intrinsics;

namespace Coppice.Text.Decoders;

/// <summary>What decoding knows of a token before it knows its place.</summary>
/// <param name="Form">As the vocabulary writes it.</param>
/// <param name="Middle">What the first stages make of it where it is not the first.</param>
/// <param name="Bytes">The bytes that the stage after those makes of it, where it makes any; they need not be whole characters.</param>
/// <param name="Text">What it adds to most texts in which it is neither first nor last.</param>
/// <param name="Passes">Whether it adds just that wherever no stage holds anything back.</param>
/// <param name="IsSpecial">Whether it is the text of a special token.</param>
internal sealed record DecodedToken(string Form, string Middle, byte[]? Bytes, string Text, bool Passes, bool IsSpecial)
{
    /// <summary>The byte that it stands for where it stands for one, else -1.</summary>
    public int Byte { get; } = Bytes is [var only] ? only : -1;

    /// <summary>
    /// The beginning of the text, zeros after it: most tokens are so short that writing all of it costs less than a loop over what there
    /// is.
    /// </summary>
    public Vector128<ushort> Head { get; } = Padded(Text);

    private static Vector128<ushort> Padded(string text)
    {
        Span<ushort> letters = stackalloc ushort[Vector128<ushort>.Count];
        letters.Clear();
        for (var i = 0; i < Math.Min(text.Length, letters.Length); i++) letters[i] = text[i];
        return Vector128.Create<ushort>(letters);
    }
}
