using System.Text;
using System.Text.Json;

namespace Coppice.Constraints.Schemas;

/// <summary>JSON in one form for equal values: members by name, numbers by value, no white space.</summary>
internal static class CanonicalJson
{
    /// <summary>The text of <paramref name="value"/>; of several members with one name the last counts.</summary>
    public static string Of(JsonElement value)
    {
        var text = new StringBuilder();
        Write(value, text);
        return text.ToString();
    }

    /// <summary>A string with its quotes and the escapes that it needs.</summary>
    public static string Quoted(string text)
    {
        var result = new StringBuilder(text.Length + 2).Append('"');
        foreach (var c in text)
        {
            switch (c)
            {
                case '"': result.Append("\\\""); break;
                case '\\': result.Append("\\\\"); break;
                case '\n': result.Append("\\n"); break;
                case '\r': result.Append("\\r"); break;
                case '\t': result.Append("\\t"); break;
                case '\b': result.Append("\\b"); break;
                case '\f': result.Append("\\f"); break;
                case < ' ': result.Append(System.Globalization.CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"); break;
                default: result.Append(c); break;
            }
        }
        return result.Append('"').ToString();
    }

    private static void Write(JsonElement value, StringBuilder text)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                var members = new SortedDictionary<string, JsonElement>(StringComparer.Ordinal);
                foreach (var member in value.EnumerateObject()) members[member.Name] = member.Value;
                text.Append('{');
                foreach (var (name, member) in members)
                {
                    if (text[^1] != '{') text.Append(',');
                    text.Append(Quoted(name)).Append(':');
                    Write(member, text);
                }
                text.Append('}');
                break;
            case JsonValueKind.Array:
                text.Append('[');
                foreach (var member in value.EnumerateArray())
                {
                    if (text[^1] != '[') text.Append(',');
                    Write(member, text);
                }
                text.Append(']');
                break;
            case JsonValueKind.String: text.Append(Quoted(value.GetString()!)); break;
            case JsonValueKind.Number: text.Append(JsonNumber.Parse(value.GetRawText())); break;
            default: text.Append(value.GetRawText()); break;
        }
    }
}
