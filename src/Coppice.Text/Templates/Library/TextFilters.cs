using System.Numerics;
using System.Text;

namespace Coppice.Text.Templates;

/// <summary>The filters that work on text.</summary>
internal static class TextFilters
{
    /// <summary>The value as text; Markup stays Markup.</summary>
    public static string Soft(Renderer renderer, object? value)
    {
        var text = renderer.Representation.Text(value);
        renderer.Budget.SpendOnText(text.Length);
        return text;
    }

    /// <summary>A filter that maps the text.</summary>
    public static FilterTable.Filter Map(string name, Func<string, string> map) => (renderer, value, arguments) =>
    {
        arguments.Bind(name, 0);
        return Arithmetic.Like(value, map(Soft(renderer, value)));
    };

    public static object? ToText(Renderer renderer, object? value, Arguments arguments)
    {
        arguments.Bind("string", 0);
        return value is Markup ? value : renderer.Representation.Text(value);
    }

    public static object? Center(Renderer renderer, object? value, Arguments arguments) => Arithmetic.Like(value,
        StringMethods.Center(renderer, Soft(renderer, value), arguments.Bind("center", 0, "width").Integer(0, 80)));

    public static object? Format(Renderer renderer, object? value, Arguments arguments)
    {
        if (arguments.Positional.Length > 0 && arguments.Keywords.Count > 0)
            throw TemplateException.Other("can't handle positional and keyword arguments at the same time");
        object? values = new TupleValue(arguments.Positional);
        if (arguments.Keywords.Count > 0)
        {
            var named = new DictValue(renderer.Comparer);
            foreach (var (name, argument) in arguments.Keywords) named.Set(name, argument);
            values = named;
        }
        return renderer.Arithmetic.Apply("%", Arithmetic.Like(value, Soft(renderer, value)), values);
    }

    public static object? Indent(Renderer renderer, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("indent", 0, "width", "first", "blank");
        if (value is Undefined undefined) throw undefined.Error();
        if (!Facts.IsText(value, out var text))
            throw TemplateException.Other($"unsupported operand type(s) for +=: '{Facts.TypeName(value)}' and 'str'");
        var indention = Facts.IsText(bound.Or(0, null), out var given) ? given : " ";
        if (bound.Or(0, null) is not (string or Markup))
        {
            var width = Math.Max(0, bound.Integer(0, 4));
            renderer.Budget.SpendOnText(width);
            indention = new string(' ', width);
        }
        var lines = StringSplitting.Lines(text + "\n", renderer.Budget).Items;
        var result = new StringBuilder();
        for (var i = 0; i < lines.Length; i++)
        {
            var line = (string)lines[i]!;
            if (i > 0) result.Append('\n');
            if (i == 0 ? bound.IsTrue(1) : bound.IsTrue(2) || line.Length > 0) result.Append(indention);
            result.Append(line);
            renderer.Budget.SpendOnText(indention.Length + line.Length);
            renderer.Budget.CheckText(result.Length);
        }
        return Arithmetic.Like(value, result.ToString());
    }

    /// <summary>The value in one line with the keys of its dicts sorted; pprint would break longer ones, which this does not.</summary>
    public static object? PrettyPrint(Renderer renderer, object? value, Arguments arguments)
    {
        arguments.Bind("pprint", 0, "verbose");
        var text = renderer.Representation.Of(Sorted(renderer, value));
        return CodePoints.Count(text) <= 80 ? text
            : throw TemplateException.Other("pprint is available only for values that fit in a line of 80 characters");
    }

    private static object? Sorted(Renderer renderer, object? value)
    {
        renderer.Budget.Enter();
        if (value is DictValue dict)
        {
            var sorted = new DictValue(renderer.Comparer);
            foreach (var pair in renderer.Ordering.Sort([.. dict.Pairs], pair => ((TupleValue)pair!).Items[0], reverse: false))
                sorted.Set(((TupleValue)pair!).Items[0], Sorted(renderer, ((TupleValue)pair).Items[1]));
            value = sorted;
        }
        else if (value is SequenceValue sequence)
        {
            value = sequence.With([.. sequence.Items.Select(item => Sorted(renderer, item))]);
        }
        renderer.Budget.Leave();
        return value;
    }

    public static object? Replace(Renderer renderer, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("replace", 2, "old", "new", "count");
        return StringSearch.Replace(renderer.Budget, Soft(renderer, value), renderer.Representation.Text(bound[0]),
            renderer.Representation.Text(bound[1]), bound.IsGiven(2) ? bound.Integer(2) : -1);
    }

    /// <summary>Jinja's title, which starts a word after white space, hyphens and opening brackets only.</summary>
    public static object? Title(Renderer renderer, object? value, Arguments arguments)
    {
        arguments.Bind("title", 0);
        var text = Soft(renderer, value);
        var title = new StringBuilder(text.Length);
        for (var start = 0; start < text.Length;)
        {
            var end = start;
            while (end < text.Length && IsWordBreak(text[end]) == IsWordBreak(text[start])) end++;
            var width = CodePoints.Width(text, start);
            title.Append(PythonCharacters.ToUpper(text.Substring(start, width)))
                .Append(PythonCharacters.ToLower(text[(start + width)..end]));
            start = end;
        }
        return title.ToString();
    }

    private static bool IsWordBreak(char c) => c is '-' or '(' or '{' or '[' or '<' || PythonCharacters.IsSpace(c);

    public static object? Trim(Renderer renderer, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("trim", 0, "chars");
        var text = StringMethods.Strip(renderer, Soft(renderer, value), bound.IsGiven(0) ? bound.Text(0) : null, left: true, right: true);
        return Arithmetic.Like(value, text);
    }

    public static object? Truncate(Renderer renderer, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("truncate", 0, "length", "killwords", "end", "leeway");
        var (length, end, leeway) = (bound.Integer(0, 255), bound.Text(2, "..."), bound.IsGiven(3) ? bound.Integer(3) : 5);
        var endLength = CodePoints.Count(end);
        if (length < endLength) throw TemplateException.Other($"expected length >= {endLength}, got {length}");
        if (leeway < 0) throw TemplateException.Other($"expected leeway >= 0, got {leeway}");
        if (Facts.Length(value) <= (long)length + leeway) return value;
        if (!Facts.IsText(value, out var text)) throw TemplateException.Other($"'{Facts.TypeName(value)}' object cannot be truncated");
        renderer.Budget.SpendOnText(text.Length);
        var kept = CodePoints.Cut(text, 0, length - endLength);
        if (!bound.IsTrue(1) && kept.LastIndexOf(' ') is >= 0 and var space) kept = kept[..space];
        return Arithmetic.Like(value, kept + (value is Markup ? Markup.Escape(end) : end));
    }

    public static object? WordCount(Renderer renderer, object? value, Arguments arguments)
    {
        arguments.Bind("wordcount", 0);
        var text = Soft(renderer, value);
        var (count, inWord) = (0, false);
        for (var i = 0; i < text.Length; i += CodePoints.Width(text, i))
        {
            var isWord = PythonCharacters.IsWordCharacter(text, i);
            if (isWord && !inWord) count++;
            inWord = isWord;
        }
        return (BigInteger)count;
    }

    /// <summary>Wraps each line at spaces and, where a word alone is too long, within it.</summary>
    public static object? WordWrap(Renderer renderer, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("wordwrap", 0, "width", "break_long_words", "wrapstring", "break_on_hyphens");
        if (value is Undefined undefined) throw undefined.Error();
        if (!Facts.IsText(value, out var text))
            throw TemplateException.Other($"'{Facts.TypeName(value)}' object has no attribute 'splitlines'");
        var width = bound.Integer(0, 79);
        if (width <= 0) throw TemplateException.Other($"invalid width {width} (must be > 0)");
        var separator = bound.IsGiven(2) ? bound.Text(2) : "\n";
        var lines = StringSplitting.Lines(text, renderer.Budget).Items
            .SelectMany(line => WordWrapper.Wrap((string)line!, width, bound.IsTrue(1, true), bound.IsTrue(3, true)).DefaultIfEmpty(""));
        var wrapped = new StringBuilder();
        var isFirst = true;
        foreach (var line in lines)
        {
            if (!isFirst) wrapped.Append(separator);
            isFirst = false;
            wrapped.Append(line);
            renderer.Budget.SpendOnText(line.Length + separator.Length);
            renderer.Budget.CheckText(wrapped.Length);
        }
        return wrapped.ToString();
    }

    public static object? UrlEncode(Renderer renderer, object? value, Arguments arguments)
    {
        arguments.Bind("urlencode", 0);
        if (Facts.IsText(value, out _) || !Facts.IsIterable(value)) return Quote(Soft(renderer, value), "/");
        var pairs = value is DictValue dict ? dict.Pairs : Facts.Elements(value);
        return string.Join("&", pairs.Select(pair =>
        {
            var parts = Facts.ToArray(pair, renderer.Budget);
            if (parts.Length != 2) throw TemplateException.Other($"cannot unpack {parts.Length} values as a pair (expected 2)");
            return $"{QuoteForQuery(Soft(renderer, parts[0]))}={QuoteForQuery(Soft(renderer, parts[1]))}";
        }));
    }

    private static string QuoteForQuery(string text) => Quote(text, "").Replace("%20", "+");

    private static string Quote(string text, string safe)
    {
        var quoted = new StringBuilder();
        foreach (var unit in Encoding.UTF8.GetBytes(text))
        {
            var c = (char)unit;
            if (char.IsAsciiLetterOrDigit(c) || "_.-~".Contains(c) || safe.Contains(c)) quoted.Append(c);
            else quoted.Append('%').Append(unit.ToString("X2", null));
        }
        return quoted.ToString();
    }
}
