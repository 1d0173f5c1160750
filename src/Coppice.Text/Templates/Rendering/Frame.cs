
namespace Coppice.Text.Templates;

/// <summary>The values of one entered <see cref="Scope"/>.</summary>
internal sealed class Frame
{
    private readonly Scope _scope;
    private readonly Frame? _parent;
    private readonly object?[] _values;

    public Frame(Scope scope, Frame? parent)
    {
        (_scope, _parent) = (scope, parent);
        _values = new object?[scope.Names.Length];
        Array.Fill(_values, Missing.Value);
    }

    /// <summary>Whether this is the frame of the template's top level or of a block, around which there is none.</summary>
    public bool IsOutermost => _parent is null;

    /// <summary>Gives every name that nothing binds its first value; a loop does so before each round.</summary>
    public void Enter(Func<string, object?> resolve)
    {
        for (var slot = 0; slot < _values.Length; slot++)
        {
            var (name, load) = _scope.Names[slot];
            if (load == NameLoad.Resolve) _values[slot] = resolve(name);
            else if (load == NameLoad.Alias) _values[slot] = _parent!.Find(name);
            else if (load == NameLoad.Unset) _values[slot] = Missing.Value;
        }
    }

    /// <summary>The value of a name here or in the frames around, or <see cref="Missing"/>.</summary>
    public object? Find(string name)
    {
        for (var frame = this; frame is not null; frame = frame._parent)
            if (frame._scope.Slot(name) is >= 0 and var slot) return frame._values[slot];
        return Missing.Value;
    }

    /// <summary>Sets a name of this very frame.</summary>
    public void Set(string name, object? value)
    {
        if (_scope.Slot(name) is >= 0 and var slot) _values[slot] = value;
    }
}
