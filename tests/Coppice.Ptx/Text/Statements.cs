namespace Coppice.Ptx.Text;

/// <summary>One instruction of the text.</summary>
/// <param name="Line">Line of the text, from 1.</param>
/// <param name="Guard">The predicate in front of it; null for none.</param>
/// <param name="GuardNegated">Whether it runs where the predicate is false.</param>
/// <param name="Opcode">"add", "s32": the parts between dots.</param>
/// <param name="Operands">In the order of the text, results first.</param>
public sealed record Instruction(
    int Line, string? Guard, bool GuardNegated, IReadOnlyList<string> Opcode, IReadOnlyList<Operand> Operands)
{
    /// <summary>"add.s32".</summary>
    public string Name => string.Join('.', Opcode);

    /// <summary>Whether the opcode has this part.</summary>
    public bool Has(string part) => Opcode.Contains(part);

    /// <summary>The type suffixes, first to last.</summary>
    public IReadOnlyList<PtxType> Types { get; } = [.. Opcode.Select(PtxType.Find).OfType<PtxType>()];

    public override string ToString() => $"line {Line}: {Name}";
}

/// <summary>A parameter of an entry, or memory that it declares.</summary>
/// <param name="Name">Its symbol.</param>
/// <param name="Bytes">How many.</param>
/// <param name="Alignment">In bytes.</param>
public sealed record Variable(string Name, int Bytes, int Alignment);

/// <summary>A kernel as it stands in the text.</summary>
public sealed class EntryText
{
    /// <summary>"Kernel_SoftmaxKernel".</summary>
    public required string Name { get; init; }
    /// <summary>In the order in which they are passed.</summary>
    public List<Variable> Parameters { get; } = [];
    /// <summary>Shared memory, of the entry and of the module.</summary>
    public List<Variable> Shared { get; } = [];
    /// <summary>Memory of each thread.</summary>
    public List<Variable> Local { get; } = [];
    /// <summary>Registers by their names, which are unique: those of an inner scope have its number before them.</summary>
    public Dictionary<string, PtxType> Registers { get; } = [];
    /// <summary>In the order of the text.</summary>
    public List<Instruction> Instructions { get; } = [];
    /// <summary>Labels and the instruction that follows them.</summary>
    public Dictionary<string, int> Labels { get; } = [];
}
