using Coppice.Constraints.Languages;

namespace Coppice.Constraints.Schemas;

/// <summary>
/// The names that may come next in an object whose names are told apart by patterns. Objects that allow the same classes of names share
/// one, and with it the masks.
/// </summary>
internal sealed class KeyGoal
{
    private const int LongestSearch = 5_000;

    private readonly Func<ClassifierState, bool> _isAllowed;
    private readonly Dictionary<int, bool> _reach = [];

    /// <summary>A goal.</summary>
    /// <param name="id">Number in its grammar.</param>
    /// <param name="isAllowed">Whether the name that ends in a state may come.</param>
    /// <param name="takesAny">Whether every name that is not declared may come.</param>
    public KeyGoal(int id, Func<ClassifierState, bool> isAllowed, bool takesAny)
    {
        (Id, _isAllowed, TakesAny) = (id, isAllowed, takesAny);
    }

    public int Id { get; }

    /// <summary>Whether every name that is not declared may come: then every beginning of a name is good.</summary>
    public bool TakesAny { get; }

    /// <summary>How often a search ended because it had become too long.</summary>
    public int Unknowns { get; private set; }

    /// <summary>Whether the name may end here.</summary>
    public bool IsAllowed(ClassifierState state) => _isAllowed(state);

    /// <summary>Whether the name so far can become one that is allowed.</summary>
    public bool CanReach(ClassifierState start)
    {
        if (_reach.TryGetValue(start.Id, out var known)) return known;
        var before = new Dictionary<int, int> { [start.Id] = -1 };
        var queue = new Queue<ClassifierState>([start]);
        while (queue.TryDequeue(out var state))
        {
            if (_isAllowed(state) || (_reach.TryGetValue(state.Id, out var live) && live))
            {
                for (var at = state.Id; at >= 0; at = before[at]) _reach[at] = true;
                return true;
            }
            if (before.Count > LongestSearch)
            {
                Unknowns++;
                return _reach[start.Id] = true;
            }
            foreach (var codePoint in StringGoal.Choices(state))
            {
                var next = state.Next(codePoint);
                if (!(_reach.TryGetValue(next.Id, out var dead) && !dead) && before.TryAdd(next.Id, state.Id)) queue.Enqueue(next);
            }
        }
        foreach (var id in before.Keys) _reach[id] = false;
        return false;
    }
}
