namespace Coppice.Constraints.Tests.Support;

/// <summary>
/// A random context-free grammar with an oracle that shares nothing with the engine: symbols of all spans bottom-up until nothing changes.
/// Live prefixes are the language of a second grammar, made by cutting each rule anywhere.
/// </summary>
internal sealed class GrammarOracle
{
    private readonly string[][][] _rules;
    private readonly HashSet<string> _productive;

    private GrammarOracle(string[][][] rules)
    {
        _rules = rules;
        _productive = FindProductive();
    }

    /// <summary>Whether the first rule has any text.</summary>
    public bool HasText => _productive.Contains("r0");

    /// <summary>The grammar in GBNF.</summary>
    public string Gbnf =>
        string.Join('\n', _rules.Select((rule, i) => $"{(i == 0 ? "root" : $"r{i}")} ::= "
        + $"{string.Join(" | ", rule.Select(branch => branch.Length == 0 ? "\"\"" : string.Join(' ', branch.Select(Spelled))))}"));

    /// <summary>A random one over the letters a to c.</summary>
    public static GrammarOracle Random(Random random)
    {
        var count = random.Next(1, 5);
        return new GrammarOracle([.. Enumerable.Range(0, count).Select(_ => Enumerable.Range(0, random.Next(1, 4))
            .Select(_ => Enumerable.Range(0, random.Next(0, 4))
                .Select(_ => random.Next(5) < 3 ? ((char)('a' + random.Next(3))).ToString() : $"r{random.Next(count)}").ToArray())
                    .ToArray())]);
    }

    /// <summary>Whether <paramref name="text"/> is in the language.</summary>
    public bool Accepts(string text) => Recognizes(text, prefixes: false);

    /// <summary>Whether <paramref name="text"/> can be continued to a text of the language.</summary>
    public bool IsLive(string text) => Recognizes(text, prefixes: true);

    /// <summary>
    /// The same as <see cref="IsLive"/> and <see cref="Accepts"/> for texts of at most 62 letters, by sets of ends as bits: for each rule
    /// and each start where a text of it may end, and whether the beginning of one reaches the end of <paramref name="text"/>.
    /// </summary>
    public (bool IsLive, bool IsWhole) Judge(string text)
    {
        var n = text.Length;
        var ends = new ulong[_rules.Length, n + 1];
        var begins = new bool[_rules.Length, n + 1];
        for (var isChanged = true; isChanged;)
        {
            isChanged = false;
            for (var rule = 0; rule < _rules.Length; rule++)
                foreach (var branch in _rules[rule])
                {
                    if (branch.Any(symbol => IsRule(symbol) && !_productive.Contains(symbol))) continue;
                    for (var start = 0; start <= n; start++)
                    {
                        var (at, begun) = (1UL << start, false);
                        foreach (var symbol in branch)
                        {
                            begun |= (at >> n & 1) != 0;
                            var next = 0UL;
                            for (var end = start; end <= n; end++)
                            {
                                if ((at >> end & 1) == 0) continue;
                                if (!IsRule(symbol)) next |= end < n && text[end] == symbol[0] ? 1UL << (end + 1) : 0;
                                else
                                {
                                    next |= ends[symbol[1] - '0', end];
                                    begun |= begins[symbol[1] - '0', end];
                                }
                            }
                            at = next;
                        }
                        begun |= (at >> n & 1) != 0;
                        isChanged |= (ends[rule, start] | at) != ends[rule, start] || (begun && !begins[rule, start]);
                        ends[rule, start] |= at;
                        begins[rule, start] |= begun;
                    }
                }
        }
        return (begins[0, 0], (ends[0, 0] >> n & 1) != 0);
    }

    private static string Spelled(string symbol) =>
        symbol == "r0" ? "root" : symbol[0] == 'r' && symbol.Length > 1 ? symbol : $"\"{symbol}\"";

    private static bool IsRule(string symbol) => symbol.Length > 1;

    private HashSet<string> FindProductive()
    {
        var found = new HashSet<string>();
        for (var before = -1; before != found.Count;)
        {
            before = found.Count;
            for (var i = 0; i < _rules.Length; i++)
                if (_rules[i].Any(branch => branch.All(symbol => !IsRule(symbol) || found.Contains(symbol)))) found.Add($"r{i}");
        }
        return found;
    }

    private bool Recognizes(string text, bool prefixes)
    {
        // (symbol, start, end); "p" before a rule's name means a prefix of it.
        var known = new HashSet<(string, int, int)>();
        for (var i = 0; i < text.Length; i++) known.Add((text[i].ToString(), i, i + 1));
        for (var before = -1; before != known.Count;)
        {
            before = known.Count;
            for (var rule = 0; rule < _rules.Length; rule++)
                foreach (var branch in _rules[rule])
                {
                    if (branch.Any(symbol => IsRule(symbol) && !_productive.Contains(symbol))) continue;
                    for (var start = 0; start <= text.Length; start++)
                    {
                        var ends = new HashSet<int> { start };
                        for (var at = 0; at < branch.Length; at++)
                        {
                            if (prefixes)
                                foreach (var end in ends)
                                {
                                    if (end == text.Length) known.Add(($"pr{rule}", start, end));
                                    if (IsRule(branch[at]) && known.Contains(($"p{branch[at]}", end, text.Length)))
                                        known.Add(($"pr{rule}", start, text.Length));
                                }
                            ends = [.. ends.SelectMany(end => Enumerable.Range(end, text.Length - end + 1)
                                .Where(next => known.Contains((branch[at], end, next))))];
                        }
                        foreach (var end in ends)
                        {
                            known.Add(($"r{rule}", start, end));
                            if (prefixes && end == text.Length) known.Add(($"pr{rule}", start, end));
                        }
                    }
                }
        }
        return known.Contains((prefixes ? "pr0" : "r0", 0, text.Length));
    }
}
