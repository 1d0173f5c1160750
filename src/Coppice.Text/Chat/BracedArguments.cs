using System.Text.Json;

namespace Coppice.Text;

/// <summary>Arguments as <c>{key:value,...}</c> with bare keys, and texts between two <c>&lt;escape&gt;</c> marks.</summary>
internal static class BracedArguments
{
    private const string Quote = "<escape>";
    private const int Deepest = 64;

    /// <summary>The arguments as a JSON object; as they stand where they are none.</summary>
    public static string ToJson(string text)
    {
        var reader = new Reader(text);
        try
        {
            return JsonText.Write(writer => reader.Value(writer, 0));
        }
        catch (FormatException)
        {
            return text;
        }
    }

    private sealed class Reader(string text)
    {
        private int _at;

        public void Value(Utf8JsonWriter writer, int depth)
        {
            if (depth > Deepest) throw new FormatException();
            Space();
            if (Takes("{")) Members(writer, depth);
            else if (Takes("[")) Items(writer, depth);
            else if (Takes(Quote)) writer.WriteStringValue(Until(Quote));
            else Bare(writer);
        }

        private void Members(Utf8JsonWriter writer, int depth)
        {
            writer.WriteStartObject();
            Space();
            while (!Takes("}"))
            {
                var key = Takes(Quote) ? Until(Quote) : Until(":", keep: true);
                Space();
                if (!Takes(":")) throw new FormatException();
                writer.WritePropertyName(key.Trim());
                Value(writer, depth + 1);
                Space();
                if (Takes(",")) Space();
                else if (_at == text.Length || text[_at] != '}') throw new FormatException();
            }
            writer.WriteEndObject();
        }

        private void Items(Utf8JsonWriter writer, int depth)
        {
            writer.WriteStartArray();
            Space();
            while (!Takes("]"))
            {
                Value(writer, depth + 1);
                Space();
                if (Takes(",")) Space();
                else if (_at == text.Length || text[_at] != ']') throw new FormatException();
            }
            writer.WriteEndArray();
        }

        private void Bare(Utf8JsonWriter writer)
        {
            var start = _at;
            while (_at < text.Length && text[_at] is not (',' or '}' or ']')) _at++;
            var value = text[start.._at].Trim();
            if (value.Length == 0) throw new FormatException();
            if (!JsonText.TryWrite(writer, value)) writer.WriteStringValue(value);
        }

        private string Until(string mark, bool keep = false)
        {
            var end = text.IndexOf(mark, _at, StringComparison.Ordinal);
            if (end < 0) throw new FormatException();
            var found = text[_at..end];
            _at = keep ? end : end + mark.Length;
            return found;
        }

        private bool Takes(string expected)
        {
            if (!text.AsSpan(_at).StartsWith(expected, StringComparison.Ordinal)) return false;
            _at += expected.Length;
            return true;
        }

        private void Space()
        {
            while (_at < text.Length && char.IsWhiteSpace(text[_at])) _at++;
        }
    }
}
