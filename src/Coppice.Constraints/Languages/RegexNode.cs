namespace Coppice.Constraints.Languages;

/// <summary>What a <see cref="RegexNode"/> is made of.</summary>
internal enum RegexKind
{
    /// <summary>The empty text.</summary>
    Empty,

    /// <summary>One character of a set; the empty set makes the empty language.</summary>
    Characters,

    /// <summary>The left part, then the right one.</summary>
    Sequence,

    /// <summary>One of several.</summary>
    Either,

    /// <summary>All of several.</summary>
    Both,

    /// <summary>Every text that the operand does not hold.</summary>
    Complement,

    /// <summary>The operand some times over.</summary>
    Repeat,
}

/// <summary>
/// A regular expression over code points with intersection and complement, made by <see cref="RegexAlgebra"/> only: equal expressions
/// of one algebra are one object.
/// </summary>
internal sealed class RegexNode
{
    public required int Id { get; init; }
    public required RegexKind Kind { get; init; }

    /// <summary>The characters, for <see cref="RegexKind.Characters"/>.</summary>
    public CharSet Set { get; init; } = CharSet.None;

    /// <summary>The operands, in the order of their ids where it does not matter.</summary>
    public RegexNode[] Parts { get; init; } = [];

    /// <summary>Least number of repetitions.</summary>
    public int Least { get; init; }

    /// <summary>Greatest number of repetitions; int.MaxValue where there is none.</summary>
    public int Most { get; init; }

    /// <summary>Whether it holds the empty text.</summary>
    public required bool HoldsEmpty { get; init; }

    /// <summary>Whether intersection or complement is inside, so that it may be empty without looking so.</summary>
    public required bool MayHide { get; init; }
}
