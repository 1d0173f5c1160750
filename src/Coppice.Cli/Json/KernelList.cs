
namespace Coppice.Cli;

/// <summary>The kernels of the GPU back end.</summary>
internal sealed record KernelList(IReadOnlyList<KernelRow> Rows);

/// <summary>One kernel on one architecture, and, where it was assembled, what it takes there.</summary>
internal sealed record KernelRow
{
    public required string Name { get; init; }
    /// <summary>Threads of a group; null for a kernel of the CPU.</summary>
    public int? GroupSize { get; init; }
    public string? Architecture { get; init; }
    /// <summary>The file its PTX was written to.</summary>
    public string? Ptx { get; init; }
    /// <summary>The file its machine code was listed in.</summary>
    public string? Listing { get; init; }
    /// <summary>Bytes of machine code of a kernel of the CPU.</summary>
    public int? CodeBytes { get; init; }
    public int? Registers { get; init; }
    /// <summary>Bytes stored and loaded because registers ran out.</summary>
    public int? Spills { get; init; }
    public int? StackBytes { get; init; }
    public int? SharedBytes { get; init; }
    /// <summary>Warps that fit a multiprocessor at once.</summary>
    public int? Warps { get; init; }
}
