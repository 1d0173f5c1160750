using System.Text;
using System.Text.Json;
using Coppice.Constraints.Schemas;

namespace Coppice.Constraints;

/// <summary>
/// JSON texts of one value that differ in white space. Members stay in their order, numbers as they are written, other characters than
/// those that JSON must escape as they are.
/// </summary>
internal static class JsonForms
{
    /// <summary>Without white space.</summary>
    public static string Compact(JsonElement value) => Write(value, ",", ":", null);

    /// <summary>With a space after commas and colons.</summary>
    public static string Spaced(JsonElement value) => Write(value, ", ", ": ", null);

    /// <summary>A line for each member, indented by two.</summary>
    public static string Indented(JsonElement value) => Write(value, ",", ": ", "  ");

    private static string Write(JsonElement value, string comma, string colon, string? indent)
    {
        var text = new StringBuilder();
        Append(value, 0);
        return text.ToString();

        void Append(JsonElement element, int depth)
        {
            switch (element.ValueKind)
            {
                case JsonValueKind.Object:
                    Members('{', '}', depth, [.. element.EnumerateObject().Select(member => (Action)(() =>
                    {
                        text.Append(CanonicalJson.Quoted(member.Name)).Append(colon);
                        Append(member.Value, depth + 1);
                    }))]);
                    break;
                case JsonValueKind.Array:
                    Members('[', ']', depth, [.. element.EnumerateArray().Select(member => (Action)(() => Append(member, depth + 1)))]);
                    break;
                case JsonValueKind.String:
                    text.Append(CanonicalJson.Quoted(element.GetString()!));
                    break;
                default:
                    text.Append(element.GetRawText());
                    break;
            }
        }

        void Members(char open, char close, int depth, Action[] members)
        {
            text.Append(open);
            for (var i = 0; i < members.Length; i++)
            {
                if (i > 0) text.Append(comma);
                Line(depth + 1);
                members[i]();
            }
            if (members.Length > 0) Line(depth);
            text.Append(close);
        }

        void Line(int depth)
        {
            if (indent is null) return;
            text.Append('\n');
            for (var i = 0; i < depth; i++) text.Append(indent);
        }
    }
}
