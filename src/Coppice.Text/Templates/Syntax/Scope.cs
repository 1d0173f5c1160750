
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
    private readonly Scope? _parent = parent;

    // A branch of a condition holds only what is new in it; the rest it has from the scope that it branched off.
    private Scope? _trunk;

    /// <summary>The names with how each gets its first value, slot by slot, once analysis is over.</summary>
    public (string Name, NameLoad Load)[] Names { get; private set; } = [];

    /// <summary>The slot of a name of this very scope, or -1.</summary>
    public int Slot(string name) => _slots.TryGetValue(name, out var slot) ? slot : -1;

    /// <summary>A name is read here.</summary>
    public void Read(string name)
    {
        if (!IsLocal(name) && !IsOuter(name)) _loads[name] = NameLoad.Resolve;
    }

    /// <summary>A name is assigned here.</summary>
    public void Store(string name)
    {
        _stores.Add(name);
        if (!IsLocal(name)) _loads[name] = IsOuter(name) ? NameLoad.Alias : NameLoad.Unset;
    }

    /// <summary>A name is bound by the construct that opens this scope.</summary>
    public void Bind(string name)
    {
        _stores.Add(name);
        _loads[name] = NameLoad.Parameter;
    }

    /// <summary>What to follow one branch of a condition with.</summary>
    public Scope Branch() => new(_parent) { _trunk = this };

    /// <summary>Takes over what the branches of a condition did; where a branch did not assign a name it keeps its outer value.</summary>
    public void Merge(IReadOnlyList<Scope> branches)
    {
        var stored = branches.SelectMany(branch => branch._stores).Where(name => !IsStored(name)).ToHashSet();
        foreach (var branch in branches)
        {
            foreach (var (name, load) in branch._loads) _loads[name] = load;
            _stores.UnionWith(branch._stores);
        }
        foreach (var name in stored) _loads[name] = IsOuter(name) ? NameLoad.Alias : NameLoad.Resolve;
    }

    /// <summary>Numbers the names; after this the scope no longer changes.</summary>
    public void Close()
    {
        Names = [.. _loads.Select(entry => (entry.Key, entry.Value))];
        for (var slot = 0; slot < Names.Length; slot++) _slots[Names[slot].Name] = slot;
    }

    private bool IsLocal(string name) => _loads.ContainsKey(name) || _trunk?.IsLocal(name) == true;

    private bool IsStored(string name) => _stores.Contains(name) || _trunk?.IsStored(name) == true;

    private bool IsOuter(string name)
    {
        for (var scope = _parent; scope is not null; scope = scope._parent)
            if (scope.IsLocal(name)) return true;
        return false;
    }
}
