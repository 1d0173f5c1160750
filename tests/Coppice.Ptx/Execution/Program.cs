using Coppice.Ptx.Ops;

namespace Coppice.Ptx.Execution;

/// <summary>An entry, decoded: its instructions, and where everything that they name is.</summary>
internal sealed class Program
{
    public required string Name { get; init; }
    public required Op[] Ops { get; init; }
    public required int RegisterCount { get; init; }
    public required int PredicateCount { get; init; }
    /// <summary>Registers that hold a number of the text.</summary>
    public required IReadOnlyList<(int Register, ulong Value)> Constants { get; init; }
    /// <summary>Registers that hold %tid.x and the like.</summary>
    public required IReadOnlyList<(int Register, Func<Warp, int, ulong> Value)> Specials { get; init; }
    public required int ParameterBytes { get; init; }
    public required int SharedBytes { get; init; }
    public required int LocalBytes { get; init; }
    /// <summary>Names of registers, by their numbers.</summary>
    public required IReadOnlyDictionary<int, string> Names { get; init; }

    /// <summary>What a register is called in the text.</summary>
    public string NameOf(int register) => Names.GetValueOrDefault(register, "a register");
}
