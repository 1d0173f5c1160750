using System.Numerics;

namespace Coppice.Text.Templates;

/// <summary>The variable loop: where a loop stands, looking at most one element ahead unless the length is asked for.</summary>
internal sealed class LoopValue : CallableValue
{
    private readonly object? _source;
    private readonly Func<object?, int, string>? _again;
    private readonly int _depth;
    private IEnumerator<object?> _elements;
    private int _index = -1;
    private int _length = -1;
    private object? _before = Missing.Value;
    private object? _current = Missing.Value;
    private object? _after = Missing.Value;
    private object? _changed = Missing.Value;

    public LoopValue(object? source, Func<object?, int, string>? again, int depth)
    {
        (_source, _again, _depth) = (source, again, depth);
        _elements = Facts.Elements(source).GetEnumerator();
    }

    public override string TypeName => "LoopContext";

    public override bool IsTrue => Count() != 0;

    public override int? Length => Count();

    public override object? Attribute(string name) => name switch
    {
        "index" => (BigInteger)(_index + 1),
        "index0" => (BigInteger)_index,
        "revindex" => (BigInteger)(Count() - _index),
        "revindex0" => (BigInteger)(Count() - _index - 1),
        "first" => _index == 0,
        "last" => ReferenceEquals(Peek(), Missing.Value),
        "length" => (BigInteger)Count(),
        "depth" => (BigInteger)(_depth + 1),
        "depth0" => (BigInteger)_depth,
        "previtem" => _index == 0 ? new Undefined("there is no previous item") : _before,
        "nextitem" => Peek() is var next && ReferenceEquals(next, Missing.Value) ? new Undefined("there is no next item") : next,
        "cycle" => FunctionValue.Method((_, arguments) => Cycle(arguments)),
        "changed" => FunctionValue.Method(Changed),
        _ => Missing.Value,
    };

    /// <summary>Goes on to the next element.</summary>
    public bool Next(out object? element)
    {
        element = Peek();
        if (ReferenceEquals(element, Missing.Value)) return false;
        _after = Missing.Value;
        _index++;
        (_before, _current) = (_current, element);
        return true;
    }

    public override object? Call(Renderer renderer, Arguments arguments)
    {
        if (_again is null) throw TemplateException.Other("The loop must have the 'recursive' marker to be called recursively.");
        return _again(arguments.Bind("loop", 1, "iterable")[0], _depth + 1);
    }

    public override string Represent(Representation writer) => $"<LoopContext {_index + 1}/{Count()}>";

    private object? Peek()
    {
        if (ReferenceEquals(_after, Missing.Value) && _elements.MoveNext()) _after = _elements.Current;
        return _after;
    }

    private int Count()
    {
        if (_length >= 0) return _length;
        if (_source is string or Markup or TemplateValue { Length: not null }) return _length = Facts.Length(_source);
        var rest = new List<object?>();
        while (_elements.MoveNext()) rest.Add(_elements.Current);
        _elements = rest.GetEnumerator();
        return _length = rest.Count + _index + 1 + (ReferenceEquals(_after, Missing.Value) ? 0 : 1);
    }

    private object? Cycle(Arguments arguments)
    {
        var items = arguments.Positional;
        return items.Length > 0 ? items[_index % items.Length] : throw TemplateException.Other("no items for cycling given");
    }

    private object? Changed(Renderer renderer, Arguments arguments)
    {
        var value = new TupleValue(arguments.Positional);
        if (!ReferenceEquals(_changed, Missing.Value) && renderer.Comparer.AreEqual(_changed, value)) return false;
        _changed = value;
        return true;
    }
}
