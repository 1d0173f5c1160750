using Coppice.Constraints.Languages;

namespace Coppice.Constraints.Grammars;

/// <summary>What leads from one state of a rule to another: a character, a rule, a token, or nothing.</summary>
internal readonly record struct GrammarEdge(CharSet? Set, int Rule, GrammarExpression.Token? Token, int Target)
{
    public bool IsFree => Set is null && Rule < 0 && Token is null;
}

/// <summary>
/// The rules of a grammar as one network of states: each rule has a first and a last state. Edges that can never lead to the end of their
/// rule are left out, so whatever is reached can be completed.
/// </summary>
internal sealed class GrammarNetwork
{
    private const int MostStates = 200_000, MostRules = 20_000, DeepestExpression = 500;

    private readonly List<List<GrammarEdge>> _edges = [];
    private readonly Dictionary<string, int> _rules = new(StringComparer.Ordinal);
    private readonly List<(int First, int Last)> _ends = [];
    private readonly List<int> _owners = [];
    private int _current;
    private int _depth;

    /// <summary>Makes the network.</summary>
    /// <exception cref="ConstraintException">A rule is missing, the grammar is too large, or the first rule allows no text.</exception>
    public GrammarNetwork(IReadOnlyDictionary<string, GrammarExpression> rules, string root)
    {
        if (rules.Count > MostRules)
            throw new ConstraintException($"grammar: must have at most {MostRules:N0} rules, found {rules.Count:N0}.");
        foreach (var name in rules.Keys)
        {
            _current = _rules[name] = _rules.Count;
            _ends.Add((State(), State()));
        }
        foreach (var (name, expression) in rules)
        {
            _current = _rules[name];
            var (first, last) = _ends[_current];
            _edges[first].Add(Free(Build(expression, last, name)));
        }
        if (!_rules.TryGetValue(root, out var start)) throw new ConstraintException($"grammar: must have the rule \"{root}\", found none.");
        Root = start;
        Costs = FindCosts(set => !set.IsEmpty);
        if (Costs[_ends[Root].First] == int.MaxValue)
            throw new ConstraintException($"grammar: the rule \"{root}\" must allow some text, found that it allows none.");
        foreach (var edges in _edges)
            edges.RemoveAll(edge => Costs[edge.Target] == int.MaxValue || (edge.Rule >= 0 && Costs[First(edge.Rule)] == int.MaxValue));
        RuleOf = new int[_edges.Count];
        Array.Fill(RuleOf, -1);
        for (var rule = 0; rule < _ends.Count; rule++) RuleOf[_ends[rule].Last] = rule;
    }

    public int Root { get; }

    /// <summary>For each state the least number of characters and tokens to the end of its rule.</summary>
    public int[] Costs { get; }

    /// <summary>The rule that ends in each state, or -1.</summary>
    public int[] RuleOf { get; }

    /// <summary>The rule that a state belongs to.</summary>
    public int Owner(int state) => _owners[state];

    public int First(int rule) => _ends[rule].First;

    public IReadOnlyList<GrammarEdge> Edges(int state) => _edges[state];

    /// <summary>Whether there is a text where only some sets of characters have one that can be written.</summary>
    public bool AllowsText(Func<CharSet, bool> canWrite) => FindCosts(canWrite)[_ends[Root].First] < int.MaxValue;

    private static GrammarEdge Free(int target) => new(null, -1, null, target);

    private int State()
    {
        if (_edges.Count >= MostStates)
            throw new ConstraintException($"grammar: must need at most {MostStates:N0} states, found more (make repetitions shorter).");
        _edges.Add([]);
        _owners.Add(_current);
        return _edges.Count - 1;
    }

    private int State(GrammarEdge edge)
    {
        var state = State();
        _edges[state].Add(edge);
        return state;
    }

    /// <summary>The first state of an expression that leads to <paramref name="next"/>.</summary>
    private int Build(GrammarExpression expression, int next, string rule)
    {
        if (++_depth > DeepestExpression)
            throw new ConstraintException($"grammar: the rule \"{rule}\" must be at most {DeepestExpression} levels deep, found more.");
        var state = expression switch
        {
            GrammarExpression.Characters characters => State(new GrammarEdge(characters.Set, -1, null, next)),
            GrammarExpression.Token token => State(new GrammarEdge(null, -1, token, next)),
            GrammarExpression.Rule reference => _rules.TryGetValue(reference.Name, out var index)
                ? State(new GrammarEdge(null, index, null, next))
                : throw new ConstraintException($"grammar: the rule \"{rule}\" must use rules that are there, found \"{reference.Name}\"."),
            GrammarExpression.Sequence sequence => sequence.Parts.Reverse().Aggregate(next, (after, part) => Build(part, after, rule)),
            GrammarExpression.Either either => Either([.. either.Parts.Select(part => Build(part, next, rule))]),
            _ => Repeat((GrammarExpression.Repeat)expression, next, rule),
        };
        _depth--;
        return state;
    }

    private int Either(int[] starts)
    {
        var state = State();
        foreach (var start in starts) _edges[state].Add(Free(start));
        return state;
    }

    private int Repeat(GrammarExpression.Repeat repeat, int next, string rule)
    {
        var tail = next;
        if (repeat.Most == int.MaxValue)
        {
            tail = State(Free(next));
            _edges[tail].Add(Free(Build(repeat.Part, tail, rule)));
        }
        else
        {
            for (var i = repeat.Least; i < repeat.Most; i++)
            {
                var more = State(Free(next));
                _edges[more].Add(Free(Build(repeat.Part, tail, rule)));
                tail = more;
            }
        }
        for (var i = 0; i < repeat.Least; i++) tail = Build(repeat.Part, tail, rule);
        return tail;
    }

    private int[] FindCosts(Func<CharSet, bool> canWrite)
    {
        var costs = new int[_edges.Count];
        var writable = new Dictionary<CharSet, bool>();
        Array.Fill(costs, int.MaxValue);
        foreach (var (_, last) in _ends) costs[last] = 0;
        for (var isChanged = true; isChanged;)
        {
            isChanged = false;
            for (var state = _edges.Count - 1; state >= 0; state--)
                foreach (var edge in _edges[state])
                {
                    var own = edge.IsFree ? 0 : edge.Rule >= 0 ? costs[First(edge.Rule)]
                        : edge.Set is { } set && !CanWrite(set) ? int.MaxValue : 1;
                    if (own == int.MaxValue || costs[edge.Target] == int.MaxValue || own + (long)costs[edge.Target] >= costs[state])
                        continue;
                    costs[state] = own + costs[edge.Target];
                    isChanged = true;
                }
        }
        return costs;

        bool CanWrite(CharSet set) => writable.TryGetValue(set, out var known) ? known : writable[set] = canWrite(set);
    }
}
