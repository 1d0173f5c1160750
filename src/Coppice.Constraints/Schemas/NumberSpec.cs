namespace Coppice.Constraints.Schemas;

/// <summary>What a schema says of numbers: bounds, multiples, integers only, or one of some values.</summary>
internal sealed record NumberSpec
{
    /// <summary>Whether fractions are refused.</summary>
    public bool Integer { get; init; }


    public JsonNumber? Least { get; init; }
    public bool AboveLeast { get; init; }
    public JsonNumber? Most { get; init; }
    public bool BelowMost { get; init; }
    public JsonNumber? Step { get; init; }

    /// <summary>The only values, or null.</summary>
    public NumberSet? Values { get; init; }

    /// <summary>Whether <paramref name="value"/> fits.</summary>
    public bool Holds(JsonNumber value)
    {
        if (Integer && !value.IsInteger) return false;
        if (Least is { } least && (value.CompareTo(least) is var low && (AboveLeast ? low <= 0 : low < 0))) return false;
        if (Most is { } most && (value.CompareTo(most) is var high && (BelowMost ? high >= 0 : high > 0))) return false;
        if (Step is { } step && !value.IsMultipleOf(step)) return false;
        return Values is null || Values.Contains(value);
    }
}

/// <summary>A set of numbers that is equal to another with the same members.</summary>
internal sealed class NumberSet(IEnumerable<JsonNumber> values) : IEquatable<NumberSet>
{
    private readonly HashSet<JsonNumber> _values = [.. values];

    public IEnumerable<JsonNumber> Values => _values;

    public bool Contains(JsonNumber value) => _values.Contains(value);

    public bool Equals(NumberSet? other) => other is not null && _values.SetEquals(other._values);

    public override bool Equals(object? obj) => Equals(obj as NumberSet);

    public override int GetHashCode() => _values.Aggregate(0, (hash, value) => hash ^ value.GetHashCode());
}
