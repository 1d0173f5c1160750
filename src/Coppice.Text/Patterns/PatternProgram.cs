namespace Coppice.Text.Patterns;

/// <summary>A compiled pattern, by name, or the compiled inside of a look-around or an atomic group.</summary>
internal sealed record PatternProgram(Instruction[] Instructions, int Registers, string Name);
