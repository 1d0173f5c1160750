using System.Text;
using System.Text.Json;

namespace Coppice.Weights;

/// <summary>Makes text from hostile files fit for a message: short, on one line.</summary>
internal static class CheckpointText
{
    private const int MaxLength = 120;

    /// <summary>"name" in quotes, clipped.</summary>
    public static string Quote(string text) => $"\"{Clip(text)}\"";

    /// <summary>The text without control characters and at most <see cref="MaxLength"/> characters long.</summary>
    public static string Clip(string text)
    {
        var clean = new StringBuilder(Math.Min(text.Length, MaxLength) + 3);
        foreach (var c in text.AsSpan(0, Math.Min(text.Length, MaxLength)))
            clean.Append(char.IsControl(c) || char.IsSurrogate(c) ? '?' : c);
        if (text.Length > MaxLength) clean.Append("...");
        return clean.ToString();
    }

    /// <summary>The token a reader stands on.</summary>
    public static string Token(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.Number ? Clip(Encoding.ASCII.GetString(reader.ValueSpan)) : reader.TokenType.ToString();

    /// <summary>A JSON value.</summary>
    public static string Value(JsonElement value) => Clip(value.GetRawText());
}
