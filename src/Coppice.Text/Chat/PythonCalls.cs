using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Coppice.Text;

/// <summary>Calls written as in Python, <c>name(key=value, ...)</c>: alone, in a list, or as <c>name.call(...)</c>.</summary>
internal static class PythonCalls
{
    private const int Deepest = 64;

    /// <summary>The calls with their arguments as JSON objects; null where the text is something else.</summary>
    public static IReadOnlyList<(string Name, string Arguments)>? Read(string code)
    {
        var reader = new Reader(code.Trim());
        try
        {
            return reader.Calls();
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private sealed class Reader(string text)
    {
        private int _at;

        public List<(string, string)> Calls()
        {
            var calls = new List<(string, string)>();
            var isList = Takes('[');
            do
            {
                Space();
                if (isList && calls.Count > 0 && Peek == ']') break;
                calls.Add(Call());
                Space();
            }
            while (Takes(isList ? ',' : ';') || (!isList && _at < text.Length));
            if (isList && !Takes(']')) throw new FormatException();
            Space();
            return _at == text.Length ? calls : throw new FormatException();
        }

        private char Peek => _at < text.Length ? text[_at] : '\0';

        private (string, string) Call()
        {
            var name = Name();
            Space();
            if (!Takes('(')) throw new FormatException();
            const string suffix = ".call";
            if (name.EndsWith(suffix, StringComparison.Ordinal)) name = name[..^suffix.Length];
            var isPrinted = name == "print";
            if (isPrinted)
            {
                var inner = Call();
                Space();
                return Takes(')') ? inner : throw new FormatException();
            }
            var arguments = JsonText.Write(writer =>
            {
                writer.WriteStartObject();
                Space();
                while (!Takes(')'))
                {
                    writer.WritePropertyName(Name());
                    Space();
                    if (!Takes('=')) throw new FormatException();
                    Value(writer, 0);
                    Space();
                    if (Takes(',')) Space();
                    else if (Peek != ')') throw new FormatException();
                }
                writer.WriteEndObject();
            });
            return (name, arguments);
        }

        private string Name()
        {
            var start = _at;
            while (_at < text.Length && (char.IsLetterOrDigit(text[_at]) || text[_at] is '_' or '.' or '-')) _at++;
            return _at > start && !char.IsDigit(text[start]) ? text[start.._at] : throw new FormatException();
        }

        private void Value(Utf8JsonWriter writer, int depth)
        {
            if (depth > Deepest) throw new FormatException();
            Space();
            switch (Peek)
            {
                case '"' or '\'':
                    writer.WriteStringValue(Text());
                    break;
                case '[' or '(':
                    var close = Peek == '[' ? ']' : ')';
                    _at++;
                    writer.WriteStartArray();
                    for (Space(); !Takes(close); Space())
                    {
                        Value(writer, depth + 1);
                        Space();
                        if (!Takes(',') && Peek != close) throw new FormatException();
                    }
                    writer.WriteEndArray();
                    break;
                case '{':
                    _at++;
                    writer.WriteStartObject();
                    for (Space(); !Takes('}'); Space())
                    {
                        writer.WritePropertyName(Text());
                        Space();
                        if (!Takes(':')) throw new FormatException();
                        Value(writer, depth + 1);
                        Space();
                        if (!Takes(',') && Peek != '}') throw new FormatException();
                    }
                    writer.WriteEndObject();
                    break;
                default:
                    Word(writer);
                    break;
            }
        }

        private void Word(Utf8JsonWriter writer)
        {
            var start = _at;
            while (_at < text.Length && (char.IsLetterOrDigit(text[_at]) || text[_at] is '+' or '-' or '.' or '_')) _at++;
            var word = text[start.._at];
            switch (word)
            {
                case "True" or "true": writer.WriteBooleanValue(true); break;
                case "False" or "false": writer.WriteBooleanValue(false); break;
                case "None" or "null": writer.WriteNullValue(); break;
                default:
                    if (JsonText.TryWrite(writer, word)) break;
                    if (double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                        && double.IsFinite(number))
                        writer.WriteNumberValue(number);
                    else throw new FormatException();
                    break;
            }
        }

        /// <summary>
        /// A text in quotes. One template writes quotes inside as they are: a quote ends the text only before what can follow it.
        /// </summary>
        private string Text()
        {
            var quote = Peek;
            if (quote is not ('"' or '\'')) throw new FormatException();
            _at++;
            var value = new StringBuilder();
            while (_at < text.Length)
            {
                var c = text[_at++];
                if (c == quote && EndsText()) return value.ToString();
                value.Append(c == '\\' && _at < text.Length ? Escape() : c.ToString());
            }
            throw new FormatException();
        }

        private bool EndsText()
        {
            var at = _at;
            while (at < text.Length && char.IsWhiteSpace(text[at])) at++;
            return at == text.Length || text[at] is ',' or ')' or ']' or '}' or ':';
        }

        private string Escape()
        {
            var c = text[_at++];
            switch (c)
            {
                case 'n': return "\n";
                case 'r': return "\r";
                case 't': return "\t";
                case '\\' or '"' or '\'': return c.ToString();
                case 'u' or 'x':
                    var digits = c == 'u' ? 4 : 2;
                    if (_at + digits > text.Length
                        || !ushort.TryParse(text.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture,
                            out var value))
                        throw new FormatException();
                    _at += digits;
                    return ((char)value).ToString();
                default: return "\\" + c;
            }
        }

        private bool Takes(char expected)
        {
            if (Peek != expected || _at == text.Length) return false;
            _at++;
            return true;
        }

        private void Space()
        {
            while (_at < text.Length && char.IsWhiteSpace(text[_at])) _at++;
        }
    }
}
