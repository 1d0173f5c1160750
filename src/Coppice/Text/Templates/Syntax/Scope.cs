namespace Coppice.Text.Templates;

/// <summary>How a name gets its value when its scope is entered.</summary>
internal enum NameLoad
{
    /// <summary>The construct that opens the scope binds it.</summary>
    Parameter,

    /// <summary>It is looked up among the variables of the rendering.</summary>
    Resolve,

    /// <summary>It starts with the value of the same name in the scopes around.</summary>
    Alias,

    /// <summary>It has no value until something is assigned.</summary>
    Unset,
}

/// <summary>
/// The names of one scope. Jinja decides before rendering where each name lives, so that a name assigned anywhere in a scope
/// hides the variable of that name in all of it, and nested scopes start from a copy.
/// </summary>
internal sealed class Scope(Scope? parent)
{
    private readonly Dictionary<string, NameLoad> _loads = [];
    private readonly HashSet<string> _stores = [];
    private readonly Dictionary<string, int> _slots = [];

    /// <summary>The names with how each gets its first value, slot by slot, once analysis is over.</summary>
    public (string Name, NameLoad Load)[] Names { get; private set; } = [];

    /// <summary>The slot of a name of this very scope, or -1.</summary>
    public int Slot(string name) => _slots.TryGetValue(name, out var slot) ? slot : -1;

    /// <summary>A name is read here.</summary>
    public void Read(string name)
    {
        if (!Knows(name)) _loads[name] = NameLoad.Resolve;
    }

    /// <summary>A name is assigned here.</summary>
    public void Store(string name)
    {
        _stores.Add(name);
        if (!_loads.ContainsKey(name)) _loads[name] = parent?.Knows(name) == true ? NameLoad.Alias : NameLoad.Unset;
    }

    /// <summary>A name is bound by the construct that opens this scope.</summary>
    public void Bind(string name)
    {
        _stores.Add(name);
        _loads[name] = NameLoad.Parameter;
    }

    /// <summary>A copy to follow one branch of a condition with.</summary>
    public Scope Branch()
    {
        var copy = new Scope(parent);
        foreach (var (name, load) in _loads) copy._loads[name] = load;
        copy._stores.UnionWith(_stores);
        return copy;
    }

    /// <summary>Takes over what the branches of a condition did: what only some of them assign keeps its outer value in the others.</summary>
    public void Merge(IReadOnlyList<Scope> branches)
    {
        var stored = branches.SelectMany(branch => branch._stores).ToHashSet();
        stored.ExceptWith(_stores);
        foreach (var branch in branches)
        {
            foreach (var (name, load) in branch._loads) _loads[name] = load;
            _stores.UnionWith(branch._stores);
        }
        foreach (var name in stored) _loads[name] = parent?.Knows(name) == true ? NameLoad.Alias : NameLoad.Resolve;
    }

    /// <summary>Numbers the names; after this the scope no longer changes.</summary>
    public void Close()
    {
        Names = [.. _loads.Select(entry => (entry.Key, entry.Value))];
        for (var slot = 0; slot < Names.Length; slot++) _slots[Names[slot].Name] = slot;
    }

    private bool Knows(string name)
    {
        for (var scope = this; scope is not null; scope = scope.Parent)
            if (scope._loads.ContainsKey(name)) return true;
        return false;
    }

    private Scope? Parent => parent;
}
