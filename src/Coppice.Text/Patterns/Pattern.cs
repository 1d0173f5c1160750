using System.Buffers;
using System.Text;
using Coppice.Text.Unicode;

namespace Coppice.Text.Patterns;

/// <summary>A compiled regular expression or literal text, immutable and safe for concurrent use.</summary>
internal sealed class Pattern
{
    private const int LongestPattern = 20_000;

    private readonly PatternProgram? _program;
    private readonly string? _literal;
    private readonly FirstSet _first;
    private readonly SearchValues<char>? _starts;       // where few characters can begin a match
    private readonly WordScanner? _scanner;

    private Pattern(PatternProgram? program, string? literal, FirstSet first, SpaceUse spaces, WordScanner? scanner = null)
    {
        _scanner = scanner;
        Spaces = spaces;
        _program = program;
        _literal = literal;
        _first = first;
        _starts = first.Sets is not null && first.Few() is { } few ? SearchValues.Create(few) : null;
    }

    /// <summary>The literal text, or null for a regular expression.</summary>
    public string? Literal => _literal;

    /// <summary>Whether it is one of the expressions that cut texts into words, which <see cref="WordScanner"/> has.</summary>
    public bool IsScanned => _scanner is not null;

    /// <summary>Whether no match holds a space or depends on what stands around it.</summary>
    public bool AvoidsSpaces => Spaces == SpaceUse.None;

    /// <summary>Whether matches are made of spaces alone and do not depend on what stands around them.</summary>
    public bool TakesOnlySpaces => Spaces == SpaceUse.Only;

    private SpaceUse Spaces { get; }

    /// <summary>A pattern that matches exactly <paramref name="text"/>.</summary>
    public static Pattern Of(string text) => text.Length == 0 ? Parse(text) : new Pattern(null, text, default,
        !text.Contains(' ') ? SpaceUse.None : text.AsSpan().IndexOfAnyExcept(' ') < 0 ? SpaceUse.Only : SpaceUse.Some);

    /// <summary>A pattern from a regular expression; errors call it <paramref name="name"/>.</summary>
    /// <exception cref="PatternError">The expression is malformed, too large or not supported.</exception>
    public static Pattern Parse(string expression, string name = "pattern") => Parse(expression, name, WordScanner.Of(expression));

    /// <summary>The same by the matcher for any pattern, even where the expression is written out.</summary>
    internal static Pattern ParseInterpreted(string expression) => Parse(expression, "pattern", scanner: null);

    private static Pattern Parse(string expression, string name, WordScanner? scanner)
    {
        if (expression.Length > LongestPattern) throw new PatternError($"a pattern of more than {LongestPattern} characters");
        var node = PatternParser.Parse(expression);
        return new Pattern(PatternCompiler.Compile(node, name), null, FirstSet.Of(node), SpaceUses.Of(node), scanner);
    }

    /// <summary>Whether a text may hold a match; costs a look at its characters.</summary>
    public bool MayMatch(ReadOnlySpan<char> text) => _literal is not null ? text.Contains(_literal, StringComparison.Ordinal)
        : _starts is null || text.ContainsAny(_starts);

    /// <summary>A search that keeps its working memory from text to text; one for each thread.</summary>
    public Search NewSearch() => new(this);

    /// <summary>The text with <paramref name="content"/> in place of each match; the same instance where there is none.</summary>
    /// <exception cref="CheckpointException">The pattern needs too many steps on this text.</exception>
    public string Replace(string text, string content)
    {
        if (_literal is not null) return text.Replace(_literal, content, StringComparison.Ordinal);
        if (text.Length == 0) return text;
        var search = NewSearch();
        search.Allow(text.Length);
        var result = new StringBuilder();
        var (done, last) = (0, -1);
        while (search.TryNext(text, done, last, out var start, out var end))
        {
            result.Append(text, done, start - done).Append(content);
            done = last = end;
        }
        return last < 0 ? text : result.Append(text, done, text.Length - done).ToString();
    }

    /// <summary>Finds the matches of a pattern in one text after another.</summary>
    internal sealed class Search
    {
        private readonly Pattern _pattern;
        private readonly PatternMatcher? _matcher;

        public Search(Pattern pattern)
        {
            _pattern = pattern;
            _matcher = pattern._program is { } program ? new PatternMatcher(program) : null;
        }

        /// <summary>Begins a text: nothing that was allowed for others is left.</summary>
        public void Begin() => _matcher?.Begin();

        /// <summary>Allows work in proportion to a further text of this length.</summary>
        public void Allow(int length) => _matcher?.Allow(length);

        /// <summary>
        /// The next match at or after <paramref name="from"/>. An empty match right at <paramref name="lastEnd"/>, the end of the match
        /// before (-1 for none), does not count.
        /// </summary>
        public bool TryNext(ReadOnlySpan<char> text, int from, int lastEnd, out int start, out int end)
        {
            if (_pattern._scanner is { } scanner && from < text.Length)
            {
                (start, end) = (from, scanner.End(text, from));
                return true;
            }
            if (_matcher is null) return TryNextLiteral(text, from, out start, out end);
            for (start = from; start <= text.Length;)
            {
                if (_pattern._starts is { } starts)
                {
                    var next = text[start..].IndexOfAny(starts);
                    start = next < 0 ? text.Length : start + next;
                    // Such a pattern matches something.
                    if (next < 0) break;
                }
                else if (start < text.Length && !_pattern._first.Allows(text[start]))
                {
                    start++;
                    continue;
                }
                if (_matcher.TryMatch(text, start, out end) && !(end == start && start == lastEnd)) return true;
                if (start == text.Length) break;
                CodePoints.At(text, start, out var length);
                start += length;
            }
            end = start;
            return false;
        }

        private bool TryNextLiteral(ReadOnlySpan<char> text, int from, out int start, out int end)
        {
            var found = text[from..].IndexOf(_pattern._literal, StringComparison.Ordinal);
            start = found < 0 ? text.Length : from + found;
            end = found < 0 ? text.Length : start + _pattern._literal!.Length;
            return found >= 0;
        }
    }
}
