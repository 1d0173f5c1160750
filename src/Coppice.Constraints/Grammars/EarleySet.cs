namespace Coppice.Constraints.Grammars;

/// <summary>A state of a rule that began where <paramref name="Origin"/> says; null means in the set that holds the item.</summary>
internal readonly record struct EarleyItem(int State, EarleySet? Origin);

/// <summary>
/// All that a text may be at one place (Earley, "An efficient context-free parsing algorithm", 1970). Sets are immutable and hold on to
/// the sets where their rules began, so a place costs nothing to go back to; sets with equal items are one object, so a repetition comes
/// back to the set it began with.
/// </summary>
internal sealed class EarleySet
{
    private const int MostItems = 20_000;

    private readonly Dictionary<int, List<EarleyItem>> _waiting = [];
    private readonly HashSet<int> _empty = [];

    public EarleySet(int id, GrammarNetwork network, IReadOnlyList<EarleyItem> kernel, bool isStart)
    {
        Id = id;
        var seen = new HashSet<EarleyItem>();
        var queue = new Queue<EarleyItem>();
        foreach (var item in kernel) Add(item);
        if (isStart) Add(new EarleyItem(network.First(network.Root), null));
        while (queue.TryDequeue(out var item))
        {
            foreach (var edge in network.Edges(item.State))
            {
                if (edge.IsFree) Add(item with { State = edge.Target });
                else if (edge.Rule >= 0) Predict(edge.Rule, item with { State = edge.Target });
            }
            if (network.RuleOf[item.State] is var rule and >= 0) Finish(rule, item.Origin);
        }
        Items = [.. seen.Where(item => network.Edges(item.State).Any(edge => edge.Set is not null || edge.Token is not null))];

        void Add(EarleyItem item)
        {
            if (!seen.Add(item)) return;
            if (seen.Count > MostItems)
                throw new ConstraintException(
                    $"grammar: must leave at most {MostItems:N0} ways open at one place, found more (it is too ambiguous).");
            queue.Enqueue(item);
        }

        void Predict(int rule, EarleyItem after)
        {
            if (!_waiting.TryGetValue(rule, out var list))
            {
                _waiting[rule] = list = [];
                Add(new EarleyItem(network.First(rule), null));
            }
            list.Add(after);
            // The rule may have ended here already, with the empty text.
            if (_empty.Contains(rule)) Add(after);
        }

        void Finish(int rule, EarleySet? origin)
        {
            if (rule == network.Root && (origin is { IsStart: true } || (origin is null && isStart))) MayEnd = true;
            if (origin is null) _empty.Add(rule);
            if (!(origin ?? this)._waiting.TryGetValue(rule, out var list)) return;
            foreach (var after in list.ToArray()) Add(origin is null ? after : after with { Origin = after.Origin ?? origin });
        }

        IsStart = isStart;
    }

    public int Id { get; }

    /// <summary>Items from which a character or a token leads on.</summary>
    public EarleyItem[] Items { get; }

    /// <summary>Whether the text may end here.</summary>
    public bool MayEnd { get; private set; }

    /// <summary>Whether nothing has been read yet.</summary>
    public bool IsStart { get; }

    /// <summary>What goes on when <paramref name="rule"/>, begun here, has ended.</summary>
    public IReadOnlyList<EarleyItem> Waiting(int rule) => _waiting.TryGetValue(rule, out var list) ? list : [];

    /// <summary>Sets after each character, as they are found; null where it cannot come.</summary>
    public Dictionary<int, EarleySet?> Next { get; } = [];
}
