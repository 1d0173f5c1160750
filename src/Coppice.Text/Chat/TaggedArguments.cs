namespace Coppice.Text;

/// <summary>Arguments each in a tag of its own: <c>&lt;parameter=name&gt;value&lt;/parameter&gt;</c>.</summary>
internal static class TaggedArguments
{
    private const string Open = "<parameter=", Close = "</parameter>";

    /// <summary>The arguments as a JSON object. A value that is JSON but no text is taken as it is, everything else is a text.</summary>
    public static string ToJson(string text) => JsonText.Write(writer =>
    {
        writer.WriteStartObject();
        for (var at = text.IndexOf(Open, StringComparison.Ordinal); at >= 0; at = text.IndexOf(Open, at, StringComparison.Ordinal))
        {
            var nameEnd = text.IndexOf('>', at);
            if (nameEnd < 0) break;
            var end = text.IndexOf(Close, nameEnd, StringComparison.Ordinal);
            if (end < 0) end = text.Length;
            var value = text[(nameEnd + 1)..end];
            if (value.StartsWith('\n')) value = value[1..];
            if (value.EndsWith('\n')) value = value[..^1];
            writer.WritePropertyName(text[(at + Open.Length)..nameEnd].Trim());
            if (value is "" or ['"', ..] || !JsonText.TryWrite(writer, value)) writer.WriteStringValue(value);
            at = end;
        }
        writer.WriteEndObject();
    });
}
