using System.Numerics;

namespace Coppice.Constraints.Languages;

/// <summary>A state of a deterministic automaton over code points, made from a regular expression as far as it is walked.</summary>
internal sealed class TextState
{
    private readonly TextAutomata _owner;
    private int[]? _starts;
    private TextState[] _targets = [];

    public TextState(TextAutomata owner, RegexNode node)
    {
        _owner = owner;
        Node = node;
    }

    /// <summary>What may still come.</summary>
    public RegexNode Node { get; }

    /// <summary>Whether the text may end here.</summary>
    public bool Accepts => Node.HoldsEmpty;

    /// <summary>The first code point of each stretch that leads to the same state, ascending from 0.</summary>
    public ReadOnlySpan<int> Starts
    {
        get
        {
            if (_starts is null) Expand();
            return _starts;
        }
    }

    /// <summary>The state after <paramref name="codePoint"/>.</summary>
    public TextState Next(int codePoint)
    {
        if (_starts is null) Expand();
        var index = Array.BinarySearch(_starts!, codePoint);
        return _targets[index >= 0 ? index : ~index - 1];
    }

    private void Expand()
    {
        var sets = new HashSet<CharSet>();
        RegexAlgebra.FirstSets(Node, sets);
        var breaks = new SortedSet<int> { 0 };
        foreach (var set in sets)
            for (var i = 0; i < set.Bounds.Length; i += 2)
            {
                breaks.Add(set.Bounds[i]);
                if (set.Bounds[i + 1] < CharSet.Last) breaks.Add(set.Bounds[i + 1] + 1);
            }
        var (starts, targets) = (new List<int>(), new List<TextState>());
        var bySets = new Dictionary<BigInteger, TextState>();
        foreach (var start in breaks)
        {
            // Characters that are in the same sets have the same derivative: large classes have many stretches and few derivatives.
            var signature = BigInteger.One;
            foreach (var set in sets) signature = (signature << 1) | (set.Contains(start) ? 1 : 0);
            if (!bySets.TryGetValue(signature, out var target))
                bySets[signature] = target = _owner.State(_owner.Algebra.Derivative(Node, start));
            if (targets.Count > 0 && targets[^1] == target) continue;
            starts.Add(start);
            targets.Add(target);
        }
        _targets = [.. targets];
        _starts = [.. starts];
    }
}

/// <summary>A regular language of decoded texts.</summary>
/// <param name="Id">Number in its grammar; equal languages of one grammar have one object.</param>
/// <param name="Start">The state before the first character.</param>
internal sealed record TextLanguage(int Id, TextState Start)
{
    /// <summary>Whether <paramref name="text"/> is in the language.</summary>
    public bool Holds(string text)
    {
        var state = Start;
        foreach (var rune in text.EnumerateRunes()) state = state.Next(rune.Value);
        return state.Accepts;
    }

    public bool Equals(TextLanguage? other) => ReferenceEquals(this, other);

    public override int GetHashCode() => Id;
}

/// <summary>The automata of one grammar.</summary>
internal sealed class TextAutomata
{
    private readonly Dictionary<int, TextState> _states = [];
    private readonly Dictionary<int, TextLanguage> _languages = [];
    private readonly Dictionary<string, TextLanguage> _patterns = [];

    public TextAutomata() => Compiler = new PatternCompiler(Algebra);

    public RegexAlgebra Algebra { get; } = new();

    public PatternCompiler Compiler { get; }

    /// <summary>The state with <paramref name="node"/> to come.</summary>
    public TextState State(RegexNode node)
    {
        if (!_states.TryGetValue(node.Id, out var state)) _states[node.Id] = state = new TextState(this, node);
        return state;
    }

    /// <summary>The language of <paramref name="node"/>.</summary>
    public TextLanguage Language(RegexNode node)
    {
        if (!_languages.TryGetValue(node.Id, out var language))
            _languages[node.Id] = language = new TextLanguage(_languages.Count, State(node));
        return language;
    }

    /// <summary>The texts in which an ECMA-262 pattern is found.</summary>
    public TextLanguage Search(string pattern)
    {
        if (!_patterns.TryGetValue(pattern, out var language))
            _patterns[pattern] = language = Language(Compiler.Search(PatternParser.Parse(pattern)));
        return language;
    }
}
