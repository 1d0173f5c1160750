using Coppice.Constraints.Languages;

namespace Coppice.Constraints.Schemas;

/// <summary>
/// The format "regex". Patterns nest without end and so are no regular language; this one holds those with up to four levels of groups,
/// and only such ranges and counts as are in order by their look. All that it holds are patterns; some patterns it does not hold.
/// </summary>
internal static class RegexFormat
{
    private const int DeepestGroup = 4;

    /// <summary>The language.</summary>
    public static TextLanguage Of(TextAutomata automata)
    {
        var algebra = automata.Algebra;
        var atom = Part(automata, Atom);
        var count = Part(automata, Quantifier);
        var open = Part(automata, @"\((?:\?(?:[:=!]|<[A-Za-z]+>))?");
        var close = algebra.Literal(")");
        var mark = Part(automata, @"[|^$]");
        var inner = algebra.Repeat(algebra.Either(algebra.Sequence(atom, count), mark), 0, int.MaxValue);
        for (var depth = 0; depth < DeepestGroup; depth++)
        {
            var group = algebra.Sequence(open, algebra.Sequence(inner, close));
            inner = algebra.Repeat(algebra.Either(algebra.Sequence(algebra.Either(atom, group), count), mark), 0, int.MaxValue);
        }
        return automata.Language(inner);
    }

    private static string Atom => $@"(?:[^\\^$.*+?()\[\]{{}}|]|\.|{Escape}|\[\^?-?(?:{Range}|[^\\\]\[-]|{Escape})*-?\])";

    private const string Escape = @"\\(?:[dDwWsStnrfv0.*+?^${}()|\[\]\\/-]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|p\{L[lu]?\})";

    private const string Quantifier = @"(?:[*+?]\??|\{(?:[0-9]{1,3},?|0,[0-9]{1,3}|1,[1-9][0-9]{0,2})\}\??)?";

    /// <summary>Ranges of digits and letters whose ends are in order.</summary>
    private static string Range => string.Join('|', Ordered('0', '9').Concat(Ordered('a', 'z')).Concat(Ordered('A', 'Z')));

    private static IEnumerable<string> Ordered(char first, char last) =>
        Enumerable.Range(first, last - first + 1).Select(start => $"{(char)start}-[{(char)start}-{last}]");

    private static RegexNode Part(TextAutomata automata, string pattern) => automata.Compiler.Whole(PatternParser.Parse(pattern));
}
