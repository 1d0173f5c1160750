namespace Coppice.Ptx.Text;

/// <summary>What an instruction works on, as it stands in the text.</summary>
public abstract record Operand;

/// <summary>A name: a register, a special register, a label, a parameter or memory.</summary>
public sealed record NameOperand(string Name) : Operand;

/// <summary>A number, as the 64 bits that it stands for; a float of 32 bits in the lower half.</summary>
public sealed record NumberOperand(ulong Bits) : Operand;

/// <summary>[base + offset].</summary>
/// <param name="Base">A register or a symbol; null for an absolute address.</param>
/// <param name="Offset">Bytes.</param>
public sealed record AddressOperand(string? Base, long Offset) : Operand;

/// <summary>{a, b, …}.</summary>
public sealed record VectorOperand(IReadOnlyList<Operand> Elements) : Operand;

/// <summary>p|q: two results.</summary>
public sealed record PairOperand(Operand First, Operand Second) : Operand;

/// <summary>!p.</summary>
public sealed record NegatedOperand(Operand Inner) : Operand;
