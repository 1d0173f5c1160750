using Coppice.Constraints.Languages;

namespace Coppice.Constraints.Schemas;

/// <summary>
/// What remains to be seen of a value: a boolean combination of statements, each of which becomes true or false as the value goes on.
/// Made by <see cref="FormulaSpace"/> only, so equal formulas are one object.
/// </summary>
internal abstract class Formula
{
    public int Id { get; set; }

    /// <summary>Whether a member's value that is being read decides about it.</summary>
    public bool IsPending { get; protected init; }

    /// <summary>Whether the member's value itself, not only what schemas say of it, must be kept.</summary>
    public bool KeepsValue { get; protected init; }
}

/// <summary>True or false.</summary>
internal sealed class ConstantFormula(bool value) : Formula
{
    public bool Value { get; } = value;
}

/// <summary>A formula of other formulas.</summary>
internal abstract class CompositeFormula : Formula
{
    protected CompositeFormula(Formula[] parts)
    {
        Parts = parts;
        IsPending = parts.Any(part => part.IsPending);
        KeepsValue = parts.Any(part => part.KeepsValue);
    }

    public Formula[] Parts { get; }
}

/// <summary>All are true.</summary>
internal sealed class AndFormula(Formula[] parts) : CompositeFormula(parts);

/// <summary>At least one is true.</summary>
internal sealed class OrFormula(Formula[] parts) : CompositeFormula(parts);

/// <summary>Exactly one is true.</summary>
internal sealed class OneFormula(Formula[] parts) : CompositeFormula(parts);

/// <summary>It is false.</summary>
internal sealed class NotFormula(Formula part) : CompositeFormula([part]);

/// <summary>The value being read meets its demand of this number.</summary>
internal sealed class PendingFormula : Formula
{
    public PendingFormula(int index)
    {
        Index = index;
        IsPending = true;
    }

    public int Index { get; }
}

/// <summary>The string is in a language.</summary>
internal sealed class TextFormula(TextLanguage language) : Formula
{
    public TextLanguage Language { get; } = language;
}

/// <summary>The string is one of some.</summary>
internal sealed class LiteralsFormula(LiteralSet set) : Formula
{
    public LiteralSet Set { get; } = set;
}

/// <summary>The string has from <paramref name="least"/> to <paramref name="most"/> code points.</summary>
internal sealed class LengthFormula(int least, int most) : Formula
{
    public int Least { get; } = least;
    public int Most { get; } = most;

    public bool Holds(int length) => length >= Least && length <= Most;
}

/// <summary>The number fits.</summary>
internal sealed class NumberFormula(NumberSpec spec) : Formula
{
    public NumberSpec Spec { get; } = spec;
}

/// <summary>The object's members fit; some are still missing.</summary>
internal sealed class ObjectFormula(ObjectSpec spec, Bits missing, int count) : Formula
{
    public ObjectSpec Spec { get; } = spec;

    /// <summary>Indices of required members that have not come yet.</summary>
    public Bits Missing { get; } = missing;

    /// <summary>Members so far, where they are counted.</summary>
    public int Count { get; } = count;
}

/// <summary>The list's members fit.</summary>
internal sealed class ArrayFormula(ArraySpec spec, int index) : Formula
{
    public ArraySpec Spec { get; } = spec;

    /// <summary>Members so far, as far as they matter.</summary>
    public int Index { get; } = index;
}

/// <summary>Enough members of the list, and not too many, fit a schema.</summary>
internal sealed class ContainsFormula(ContainsSpec spec, int count) : Formula
{
    public ContainsSpec Spec { get; } = spec;
    public int Count { get; } = count;
}

/// <summary>No two members of the list are equal.</summary>
internal sealed class UniqueFormula : Formula
{
    public UniqueFormula(ValueSet? seen, bool waits)
    {
        Seen = seen;
        Waits = waits;
        IsPending = waits;
        KeepsValue = waits;
    }

    public ValueSet? Seen { get; }

    /// <summary>Whether the member being read is to be added.</summary>
    public bool Waits { get; }
}

/// <summary>Members that no schema has looked at fit: "unevaluatedProperties" or "unevaluatedItems".</summary>
internal sealed class UnevaluatedFormula : Formula
{
    public UnevaluatedFormula(SchemaNode schema, bool items, int index, (Formula When, SchemaNode Looks)[] others)
    {
        Schema = schema;
        Items = items;
        Index = index;
        Others = others;
        IsPending = others.Any(other => other.When.IsPending);
        KeepsValue = others.Any(other => other.When.KeepsValue);
    }

    public SchemaNode Schema { get; }

    /// <summary>Whether it is about a list.</summary>
    public bool Items { get; }

    /// <summary>Members of the list so far, as far as they matter.</summary>
    public int Index { get; }

    /// <summary>Schemas that have looked at some members, each with what must turn out true for that to count.</summary>
    public (Formula When, SchemaNode Looks)[] Others { get; }
}
