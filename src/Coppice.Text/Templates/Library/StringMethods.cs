using System.Collections.Frozen;
using System.Numerics;
using System.Text;

namespace Coppice.Text.Templates;

/// <summary>The methods of Python's str.</summary>
internal static class StringMethods
{
    /// <summary>A method: its renderer, the text it belongs to, whether that is Markup, and its arguments.</summary>
    private delegate object? Method(Renderer renderer, string text, bool markup, Arguments arguments);

    private static readonly FrozenDictionary<string, Method> Table = new Dictionary<string, Method>
    {
        ["capitalize"] = Plain("capitalize", PythonCharacters.Capitalize),
        ["casefold"] = Plain("casefold", text => PythonCharacters.ToLower(text).Replace("ß", "ss").Replace('ς', 'σ')),
        ["center"] = (renderer, text, _, arguments) => Pad(renderer, text, arguments.Bind("center", 1, "width", "fillchar"), Side.Both),
        ["count"] = (renderer, text, _, arguments) => StringSearch.Count(renderer, text, arguments),
        ["encode"] = (_, _, _, _) => throw TemplateException.Other("bytes are not available to templates"),
        ["endswith"] = (renderer, text, _, arguments) => StringSearch.HasAffix(renderer, text, arguments, atEnd: true),
        ["expandtabs"] = ExpandTabs,
        ["find"] = (renderer, text, _, arguments) => StringSearch.Find(renderer, text, arguments, last: false),
        ["format"] = Format,
        ["format_map"] = FormatMap,
        ["index"] = (renderer, text, _, arguments) => StringSearch.Index(renderer, text, arguments, last: false),
        ["isalnum"] = All((text, at) => PythonCharacters.IsLetter(text, at) || PythonCharacters.IsNumeric(text, at)),
        ["isalpha"] = All(PythonCharacters.IsLetter),
        ["isascii"] = (_, text, _, _) => Ascii.IsValid(text),
        ["isdecimal"] = All(PythonCharacters.IsDecimal),
        ["isdigit"] = All(PythonCharacters.IsDigit),
        ["isidentifier"] = (_, text, _, _) => IsIdentifier(text),
        ["islower"] = (_, text, _, _) => IsCase(text, PythonCharacters.IsLower),
        ["isnumeric"] = All(PythonCharacters.IsNumeric),
        ["isprintable"] = (_, text, _, _) => EveryCharacter(text, PythonCharacters.IsPrintable),
        ["isspace"] = All((text, at) => PythonCharacters.IsSpace(text[at])),
        ["istitle"] = (_, text, _, _) => IsTitle(text),
        ["isupper"] = (_, text, _, _) => IsCase(text, PythonCharacters.IsUpper),
        ["join"] = Join,
        ["ljust"] = (renderer, text, _, arguments) => Pad(renderer, text, arguments.Bind("ljust", 1, "width", "fillchar"), Side.Right),
        ["lower"] = Plain("lower", PythonCharacters.ToLower),
        ["lstrip"] = (renderer, text, _, arguments) => Strip(renderer, text, arguments, left: true, right: false),
        ["partition"] = (renderer, text, _, arguments) => StringSplitting.Partition(renderer, text, arguments, last: false),
        ["removeprefix"] = (_, text, _, arguments) =>
            arguments.Bind("removeprefix", 1, "prefix").Text(0) is var prefix && text.StartsWith(prefix, StringComparison.Ordinal)
                ? text[prefix.Length..] : text,
        ["removesuffix"] = (_, text, _, arguments) =>
            arguments.Bind("removesuffix", 1, "suffix").Text(0) is var suffix && text.EndsWith(suffix, StringComparison.Ordinal)
                ? text[..^suffix.Length] : text,
        ["replace"] = Replace,
        ["rfind"] = (renderer, text, _, arguments) => StringSearch.Find(renderer, text, arguments, last: true),
        ["rindex"] = (renderer, text, _, arguments) => StringSearch.Index(renderer, text, arguments, last: true),
        ["rjust"] = (renderer, text, _, arguments) => Pad(renderer, text, arguments.Bind("rjust", 1, "width", "fillchar"), Side.Left),
        ["rpartition"] = (renderer, text, _, arguments) => StringSplitting.Partition(renderer, text, arguments, last: true),
        ["rsplit"] = (renderer, text, _, arguments) => StringSplitting.Split(renderer, text, arguments, fromRight: true),
        ["rstrip"] = (renderer, text, _, arguments) => Strip(renderer, text, arguments, left: false, right: true),
        ["split"] = (renderer, text, _, arguments) => StringSplitting.Split(renderer, text, arguments, fromRight: false),
        ["splitlines"] = (renderer, text, _, arguments) => StringSplitting.Lines(
            text, renderer.Budget, arguments.Bind("splitlines", 0, "keepends").IsTrue(0)),
        ["startswith"] = (renderer, text, _, arguments) => StringSearch.HasAffix(renderer, text, arguments, atEnd: false),
        ["strip"] = (renderer, text, _, arguments) => Strip(renderer, text, arguments, left: true, right: true),
        ["swapcase"] = Plain("swapcase", PythonCharacters.SwapCase),
        ["title"] = Plain("title", PythonCharacters.ToTitle),
        ["upper"] = Plain("upper", PythonCharacters.ToUpper),
        ["zfill"] = ZeroFill,
    }.ToFrozenDictionary();

    private enum Side
    {
        Left,
        Right,
        Both,
    }

    /// <summary>The method <paramref name="name"/> bound to a str or Markup, or <see cref="Missing"/>.</summary>
    public static object? Find(object? target, string name)
    {
        if (!Table.TryGetValue(name, out var method)) return Missing.Value;
        Facts.IsText(target, out var text);
        return FunctionValue.Method((renderer, arguments) =>
        {
            renderer.Budget.SpendOnText(text.Length);
            var result = method(renderer, text, target is Markup, arguments);
            return target is Markup ? AsMarkup(result) : result;
        });
    }

    /// <summary>Every text that a method of Markup answers is Markup.</summary>
    private static object? AsMarkup(object? result) => result switch
    {
        string text => new Markup(text),
        SequenceValue sequence => sequence.With([.. sequence.Items.Select(AsMarkup)]),
        _ => result,
    };

    private static Method Plain(string name, Func<string, string> map) => (_, text, _, arguments) =>
    {
        arguments.Bind(name, 0);
        return map(text);
    };

    private static Method All(Func<string, int, bool> holds) => (_, text, _, _) => text.Length > 0 && EveryCharacter(text, holds);

    private static bool EveryCharacter(string text, Func<string, int, bool> holds)
    {
        for (var i = 0; i < text.Length; i += CodePoints.Width(text, i))
            if (!holds(text, i)) return false;
        return true;
    }

    /// <summary>Whether all cased characters are of one case, and there is one.</summary>
    public static bool IsCase(string text, Func<string, int, bool> isOfCase)
    {
        var any = false;
        for (var i = 0; i < text.Length; i += CodePoints.Width(text, i))
        {
            if (isOfCase(text, i)) any = true;
            else if (PythonCharacters.IsCased(text, i)) return false;
        }
        return any;
    }

    private static bool IsTitle(string text)
    {
        var (any, behindCased) = (false, false);
        for (var i = 0; i < text.Length; i += CodePoints.Width(text, i))
        {
            var cased = PythonCharacters.IsCased(text, i);
            if (cased && PythonCharacters.IsLower(text, i) != behindCased) return false;
            any |= cased;
            behindCased = cased;
        }
        return any;
    }

    private static bool IsIdentifier(string text) => text.Length > 0
        && (text[0] == '_' || PythonCharacters.IsLetter(text, 0)) && EveryCharacter(text, PythonCharacters.IsIdentifierPart);

    private static string Strip(Renderer renderer, string text, Arguments arguments, bool left, bool right)
    {
        var bound = arguments.Bind("strip", 0, "chars");
        return Strip(renderer, text, bound.IsGiven(0) ? bound.Text(0) : null, left, right);
    }

    /// <summary>The text without the given characters, or without spaces, at its ends.</summary>
    public static string Strip(Renderer renderer, string text, string? characters, bool left, bool right)
    {
        var (start, stop) = (0, text.Length);
        bool Goes(int at, int width) => characters is null
            ? PythonCharacters.IsSpace(text[at])
            : width == 1 ? characters.Contains(text[at]) : characters.Contains(text.Substring(at, 2), StringComparison.Ordinal);
        renderer.Budget.Spend((characters?.Length ?? 0) / 8);
        while (left && start < stop && Goes(start, CodePoints.Width(text, start)))
        {
            renderer.Budget.Spend((characters?.Length ?? 0) / 64);
            start += CodePoints.Width(text, start);
        }
        while (right && stop > start)
        {
            renderer.Budget.Spend((characters?.Length ?? 0) / 64);
            var width = stop - start >= 2 && char.IsSurrogatePair(text, stop - 2) ? 2 : 1;
            if (!Goes(stop - width, width)) break;
            stop -= width;
        }
        return text[start..stop];
    }

    private static string Pad(Renderer renderer, string text, Bound bound, Side side)
    {
        var fill = bound.Text(1, " ");
        if (CodePoints.Count(fill) != 1) throw TemplateException.Other("The fill character must be exactly one character long");
        return Pad(renderer, text, bound.Integer(0), fill, side == Side.Left, side == Side.Right);
    }

    /// <summary>The text in the middle of a field; Python puts the odd space on the left only where the width is odd.</summary>
    public static string Center(Renderer renderer, string text, int width) => Pad(renderer, text, width, " ", false, false);

    private static string Pad(Renderer renderer, string text, int width, string fill, bool onlyLeft, bool onlyRight)
    {
        var missing = width - CodePoints.Count(text);
        if (missing <= 0) return text;
        renderer.Budget.SpendOnText((long)missing * fill.Length);
        var left = onlyLeft ? missing : onlyRight ? 0 : missing / 2 + (missing & width & 1);
        string Fill(int count) => fill.Length == 1 ? new string(fill[0], count) : string.Concat(Enumerable.Repeat(fill, count));
        return Fill(left) + text + Fill(missing - left);
    }

    private static string ZeroFill(Renderer renderer, string text, bool markup, Arguments arguments)
    {
        var missing = arguments.Bind("zfill", 1, "width").Integer(0) - CodePoints.Count(text);
        if (missing <= 0) return text;
        renderer.Budget.SpendOnText(missing);
        var sign = text.StartsWith('-') || text.StartsWith('+') ? 1 : 0;
        return text[..sign] + new string('0', missing) + text[sign..];
    }

    private static string ExpandTabs(Renderer renderer, string text, bool markup, Arguments arguments)
    {
        var size = arguments.Bind("expandtabs", 0, "tabsize").Integer(0, 8);
        var expanded = new StringBuilder();
        var column = 0;
        foreach (var c in text)
        {
            var count = c == '\t' ? (size > 0 ? size - column % size : 0) : 1;
            renderer.Budget.SpendOnText(count);
            renderer.Budget.CheckText(expanded.Length + (long)count);
            expanded.Append(c == '\t' ? ' ' : c, count);
            column = c is '\n' or '\r' ? 0 : column + (char.IsLowSurrogate(c) ? 0 : count);
        }
        return expanded.ToString();
    }

    private static string Join(Renderer renderer, string text, bool markup, Arguments arguments)
    {
        var joined = new StringBuilder();
        var index = 0;
        foreach (var item in Facts.Elements(arguments.Bind("join", 1, "iterable")[0]))
        {
            if (!Facts.IsText(item, out var part))
            {
                part = markup ? renderer.Representation.Text(item)
                    : throw TemplateException.Other($"sequence item {index}: expected str instance, {Facts.TypeName(item)} found");
            }
            if (index++ > 0) joined.Append(text);
            joined.Append(markup && item is not Markup ? Markup.Escape(part) : part);
            renderer.Budget.SpendOnText(part.Length + text.Length);
            renderer.Budget.CheckText(joined.Length);
        }
        return joined.ToString();
    }

    private static string Replace(Renderer renderer, string text, bool markup, Arguments arguments)
    {
        var bound = arguments.Bind("replace", 2, "old", "new", "count");
        string Part(int index) => markup && bound[index] is string ? Markup.Escape(bound.Text(index)) : bound.Text(index);
        return StringSearch.Replace(renderer.Budget, text, Part(0), Part(1), bound.Integer(2, -1));
    }

    private static object Format(Renderer renderer, string text, bool markup, Arguments arguments)
    {
        object? Named(string name) => arguments.Keywords.FirstOrDefault(pair => pair.Key == name) is { Key: not null } found
            ? found.Value : throw TemplateException.Other($"'{name}'");
        return new BraceFormat(renderer, markup ? new Markup(text) : text, arguments.Positional, Named).Apply();
    }

    private static object FormatMap(Renderer renderer, string text, bool markup, Arguments arguments)
    {
        var map = arguments.Bind("format_map", 1, "mapping")[0];
        object? Named(string name) => map is DictValue dict && dict.TryGet(name, out var value) ? value
            : throw TemplateException.Other($"'{name}'");
        return new BraceFormat(renderer, markup ? new Markup(text) : text, [], Named).Apply();
    }
}
