using System.Numerics;

namespace Coppice.Text.Templates;

/// <summary>A list or tuple; no template can change either, so both hold a fixed array.</summary>
internal abstract class SequenceValue(object?[] items) : TemplateValue
{
    /// <summary>The elements.</summary>
    public object?[] Items { get; } = items;

    public override int? Length => Items.Length;

    public override IEnumerable<object?> Elements => Items;

    /// <summary>A sequence of the same type with other elements.</summary>
    public abstract SequenceValue With(object?[] items);
}

/// <summary>Python's list.</summary>
internal sealed class ListValue(object?[] items) : SequenceValue(items)
{
    public override string TypeName => "list";

    public override SequenceValue With(object?[] items) => new ListValue(items);

    public override object? Attribute(string name) => SequenceMethods.ListMethod(this, name);

    public override string Represent(Representation writer) => writer.Join("[", Items, "]");
}

/// <summary>Python's tuple.</summary>
internal class TupleValue(params object?[] items) : SequenceValue(items)
{
    public override string TypeName => "tuple";

    public override SequenceValue With(object?[] items) => new TupleValue(items);

    public override object? Attribute(string name) => SequenceMethods.TupleMethod(this, name);

    public override string Represent(Representation writer) => writer.Join("(", Items, Items.Length == 1 ? ",)" : ")");
}

/// <summary>What groupby yields: a pair whose parts are also called grouper and list.</summary>
internal sealed class GroupTuple(object? grouper, ListValue list) : TupleValue(grouper, list)
{
    public override object? Attribute(string name) => name switch
    {
        "grouper" => Items[0],
        "list" => Items[1],
        _ => base.Attribute(name),
    };
}

/// <summary>Python's range, at most <see cref="MaxLength"/> long as the sandbox has it.</summary>
internal sealed class RangeValue : TemplateValue
{
    /// <summary>The longest range of the sandbox.</summary>
    public const int MaxLength = 100_000;

    private readonly int _length;

    public RangeValue(BigInteger start, BigInteger stop, BigInteger step)
    {
        if (step.IsZero) throw TemplateException.Other("range() arg 3 must not be zero");
        var span = step.Sign > 0 ? stop - start : start - stop;
        var size = BigInteger.Abs(step);
        var length = span.Sign <= 0 ? BigInteger.Zero : (span + size - 1) / size;
        if (length > MaxLength)
            throw TemplateException.Other($"Range too big. The sandbox blocks ranges larger than MAX_RANGE ({MaxLength}).");
        (Start, Stop, Step, _length) = (start, stop, step, (int)length);
    }

    public BigInteger Start { get; }

    public BigInteger Stop { get; }

    public BigInteger Step { get; }

    public override string TypeName => "range";

    public override int? Length => _length;

    public override IEnumerable<object?> Elements => Enumerable.Range(0, _length).Select(At);

    /// <summary>The element at <paramref name="index"/>.</summary>
    public object? At(int index) => Start + Step * index;

    public override object? Attribute(string name) => name switch
    {
        "start" => Start,
        "stop" => Stop,
        "step" => Step,
        _ => SequenceMethods.TupleMethod(this, name),
    };

    public override string Represent(Representation writer) =>
        FormattableString.Invariant($"range({Start}, {Stop}") + (Step.IsOne ? ")" : FormattableString.Invariant($", {Step})"));
}

/// <summary>A Python generator or iterator: its elements can be taken once, and nobody knows how many there are.</summary>
internal sealed class IteratorValue(IEnumerable<object?> source, Budget budget) : TemplateValue
{
    private readonly IEnumerator<object?> _source = source.GetEnumerator();

    public override string TypeName => "generator";

    public override IEnumerable<object?> Elements
    {
        get
        {
            while (MoveNext()) yield return _source.Current;
        }
    }

    // Generators may read from generators: each one in the chain is a level of depth.
    private bool MoveNext()
    {
        budget.Enter();
        var moved = _source.MoveNext();
        budget.Leave();
        return moved;
    }
}
