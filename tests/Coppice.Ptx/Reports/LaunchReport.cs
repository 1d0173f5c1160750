using System.Diagnostics.CodeAnalysis;
using Coppice.Ptx.Text;

namespace Coppice.Ptx.Reports;

/// <summary>Classes of instructions, as a profile counts them.</summary>
[SuppressMessage("Naming", "CA1720", Justification = "The number format is what is meant.")]
public enum InstructionClass
{
    /// <summary>Arithmetic in floating point.</summary>
    Float,
    /// <summary>Arithmetic and logic on integers, comparisons, selections.</summary>
    Integer,
    /// <summary>Moves, which an assembler mostly removes.</summary>
    Move,
    /// <summary>Conversions between types.</summary>
    Convert,
    /// <summary>Products of four bytes.</summary>
    Dot,
    /// <summary>Products of matrices by a warp.</summary>
    Matrix,
    /// <summary>Loads from global memory.</summary>
    GlobalLoad,
    /// <summary>Stores to global memory.</summary>
    GlobalStore,
    /// <summary>Loads from shared memory.</summary>
    SharedLoad,
    /// <summary>Stores to shared memory.</summary>
    SharedStore,
    /// <summary>Asynchronous copies and their waits.</summary>
    Copy,
    /// <summary>Loads of parameters.</summary>
    Parameter,
    /// <summary>Atomics.</summary>
    Atomic,
    /// <summary>Shuffles and votes.</summary>
    Shuffle,
    /// <summary>Barriers and fences.</summary>
    Barrier,
    /// <summary>Branches and returns.</summary>
    Branch,
}

/// <summary>What one instruction of a kernel did over a launch.</summary>
public sealed class InstructionCount
{
    /// <summary>Where it stands and what it is.</summary>
    public required Instruction Instruction { get; init; }
    /// <summary>What kind of work it is.</summary>
    public required InstructionClass Class { get; init; }
    /// <summary>Times that a warp issued it.</summary>
    public long Warps { get; internal set; }
    /// <summary>Times that a thread executed it.</summary>
    public long Threads { get; internal set; }
    /// <summary>Sectors of 32 bytes that its requests touched in global memory.</summary>
    public long Sectors { get; internal set; }
    /// <summary>The least sectors that could have held the bytes of each request.</summary>
    public long LeastSectors { get; internal set; }
    /// <summary>Different bytes of its requests.</summary>
    public long Bytes { get; internal set; }
    /// <summary>Passes over the banks of shared memory.</summary>
    public long Wavefronts { get; internal set; }
    /// <summary>The least passes that could have moved the bytes of each request.</summary>
    public long LeastWavefronts { get; internal set; }
    /// <summary>Times that lanes of a warp went different ways.</summary>
    public long Divergences { get; internal set; }
    /// <summary>Loaded words that hold the pattern of memory that nobody has written.</summary>
    public long PoisonedWords { get; internal set; }
}

/// <summary>What one launch of one kernel did.</summary>
/// <param name="Kernel">Name of the entry.</param>
/// <param name="Grid">Blocks along x, y and z.</param>
/// <param name="Group">Threads of a block along x, y and z.</param>
/// <param name="Instructions">Every instruction of the text.</param>
/// <param name="Faults">What went wrong; empty for a sound kernel.</param>
/// <param name="FloatOperations">Additions and multiplications, a fused one as two.</param>
public sealed record LaunchReport(string Kernel, (int X, int Y, int Z) Grid, (int X, int Y, int Z) Group,
    IReadOnlyList<InstructionCount> Instructions, IReadOnlyList<Fault> Faults, long FloatOperations)
{
    /// <summary>Instructions that warps issued, of one class.</summary>
    public long Issued(InstructionClass kind) => Instructions.Where(i => i.Class == kind).Sum(i => i.Warps);

    /// <summary>All instructions that warps issued.</summary>
    public long TotalIssued => Instructions.Sum(i => i.Warps);

    /// <summary>Bytes read from global memory, sector by sector.</summary>
    public long ReadBytes => 32 * Instructions.Where(i => i.Class is InstructionClass.GlobalLoad or InstructionClass.Copy).Sum(i =>
        i.Sectors);

    /// <summary>Bytes written to global memory, sector by sector.</summary>
    public long WrittenBytes => 32 * Instructions.Where(i => i.Class == InstructionClass.GlobalStore).Sum(i => i.Sectors);

    /// <summary>Passes over shared memory beyond the least.</summary>
    public long BankConflicts => Instructions.Sum(i => i.Wavefronts - i.LeastWavefronts);

    /// <summary>Sectors of all requests to global memory over the least; 1 where there is none.</summary>
    public double SectorRatio
    {
        get
        {
            var least = Instructions.Sum(i => i.LeastSectors);
            return least == 0 ? 1 : (double)Instructions.Sum(i => i.Sectors) / least;
        }
    }
}
