using System.Text;

namespace Coppice.Text.Templates;

/// <summary>One rendering of a template: its variables, its output so far, and the rules of Python that its values follow.</summary>
internal sealed partial class Renderer
{
    private readonly Dictionary<string, object?> _variables;
    private readonly Dictionary<string, object?> _exported = [];
    private StringBuilder _output = new();
    private int _line = 1;
    private SelfValue? _self;

    public Renderer(TemplateLimits limits, DateTime? now)
    {
        Budget = new Budget(limits);
        Now = now;
        Comparer = new ValueComparer(Budget);
        Representation = new Representation(Budget);
        Ordering = new Ordering(Budget, Comparer);
        Arithmetic = new Arithmetic(Budget, new PercentFormat(Budget, Representation));
        _variables = new Dictionary<string, object?>(Globals.Table);
    }

    public Budget Budget { get; }

    /// <summary>The clock of strftime_now.</summary>
    public DateTime? Now { get; }

    public ValueComparer Comparer { get; }

    public Representation Representation { get; }

    public Ordering Ordering { get; }

    public Arithmetic Arithmetic { get; }

    /// <summary>Defines a variable.</summary>
    public void Define(string name, object? value) => _variables[name] = value;

    /// <summary>A generator over elements that are found only when asked for.</summary>
    public IteratorValue Lazy(IEnumerable<object?> elements) => new(elements, Budget);

    /// <summary>Whether the innermost autoescape block that is being run escapes.</summary>
    public bool Autoescapes { get; private set; }

    /// <summary>The text that the template prints; <paramref name="blocks"/> are those that <c>self</c> has.</summary>
    public string Render(IReadOnlyList<Statement> template, Scope scope, IReadOnlyDictionary<string, BlockStatement> blocks)
    {
        _self = new SelfValue(blocks);
        try
        {
            var frame = new Frame(scope, null);
            frame.Enter(Resolve);
            Execute(template, frame);
            return _output.ToString();
        }
        catch (TemplateException error) when (error.Line == 0)
        {
            throw new TemplateException(error.Kind, error.Reason, _line);
        }
    }

    private object? Resolve(string name)
    {
        if (_exported.TryGetValue(name, out var value)) return value;
        if (name == "self") return _self;
        return _variables.TryGetValue(name, out value) ? value : Missing.Value;
    }

    /// <summary>What <paramref name="block"/> prints, wherever it stands.</summary>
    public object RunBlock(BlockStatement block)
    {
        Budget.Enter();
        var text = Capture(() => Execute(block.Body, Open(block.Scope, null)), out _);
        Budget.Leave();
        return Autoescapes ? new Markup(text) : text;
    }

    /// <summary>Whether something that was marked so is escaped.</summary>
    private bool Escapes(Escaping escaping) => escaping == Escaping.Always || (escaping == Escaping.AsTheBlockSays && Autoescapes);

    /// <summary>As Jinja does: what is constant is printed when the template is compiled, before the block can say anything.</summary>
    private static Escaping EscapingOf(PrintStatement print) =>
        print is { Escaping: Escaping.AsTheBlockSays, Value: ConstantExpression } ? Escaping.Never : print.Escaping;

    /// <summary>A text as a value: one that needs no further escaping where it was escaped as it was made.</summary>
    private object Escaped(string text, Escaping escaping) => Escapes(escaping) ? new Markup(text) : text;

    private string Printed(object? value, Escaping escaping)
    {
        var text = Representation.Text(value);
        if (value is Markup || !Escapes(escaping)) return text;
        Budget.SpendOnText(text.Length * 5L);
        return Markup.Escape(text);
    }

    private Frame Open(Scope scope, Frame? parent)
    {
        var frame = new Frame(scope, parent);
        frame.Enter(Resolve);
        return frame;
    }

    /// <summary>
    /// A scoped block's frame: what it reads and does not assign is looked for in the frames around it first, and what it assigns is gone
    /// after it.
    /// </summary>
    private Frame OpenScoped(BlockStatement block, Frame around)
    {
        var frame = new Frame(block.Scope, around);
        frame.Enter(name => around.Find(name) is var value && value != Missing.Value ? value : Resolve(name));
        return frame;
    }

    private void Write(string text)
    {
        Budget.SpendOnText(text.Length);
        Budget.CheckText(_output.Length + (long)text.Length);
        _output.Append(text);
    }

    /// <summary>What <paramref name="body"/> writes, kept from the output.</summary>
    private string Capture(Func<Flow> body, out Flow flow)
    {
        var outer = _output;
        _output = new StringBuilder();
        flow = body();
        var text = _output.ToString();
        _output = outer;
        return text;
    }

    private void Assign(Expression target, object? value, Frame frame)
    {
        switch (target)
        {
            case NameExpression name:
                frame.Set(name.Name, value);
                if (frame.IsOutermost) _exported[name.Name] = value;
                break;
            case NamespaceTarget attribute:
                ((NamespaceValue)frame.Find(attribute.Name)!).Set(attribute.Attribute, value);
                break;
            case TupleExpression tuple:
                var parts = Unpack(value, tuple.Items.Count);
                for (var i = 0; i < parts.Length; i++) Assign(tuple.Items[i], parts[i], frame);
                break;
        }
    }

    private object?[] Unpack(object? value, int count)
    {
        if (!Facts.IsIterable(value)) throw TemplateException.Other($"cannot unpack non-iterable {Facts.TypeName(value)} object");
        var parts = Facts.ToArray(value, Budget);
        if (parts.Length < count) throw TemplateException.Other($"not enough values to unpack (expected {count}, got {parts.Length})");
        return parts.Length == count ? parts : throw TemplateException.Other($"too many values to unpack (expected {count})");
    }

    private static void CheckNamespaces(Expression target, Frame frame)
    {
        if (target is NamespaceTarget attribute && frame.Find(attribute.Name) is not NamespaceValue)
            throw TemplateException.Other("cannot assign attribute on non-namespace object");
        if (target is not TupleExpression tuple) return;
        foreach (var item in tuple.Items) CheckNamespaces(item, frame);
    }
}

/// <summary>How a run of statements ended.</summary>
internal enum Flow
{
    /// <summary>At its end.</summary>
    Normal,

    /// <summary>By leaving the loop around.</summary>
    Break,

    /// <summary>By going on with the next round of the loop around.</summary>
    Continue,
}
