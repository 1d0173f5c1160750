namespace Coppice.Ptx.Execution;

/// <summary>How a product of matrices adds up what it multiplies.</summary>
public enum MatrixRounding
{
    /// <summary>All products and the accumulator exactly, then rounded once.</summary>
    Exact,
    /// <summary>
    /// In runs of 8 products: the run and the accumulator are aligned to the largest exponent and cut off below 24 bits, then added.
    /// </summary>
    /// <remarks>Source: Fasi et al., Numerical behavior of NVIDIA tensor cores, PeerJ 2021, sections 4.2-4.5, for A100.</remarks>
    Truncated,
}

/// <summary>What of a machine is chosen.</summary>
public sealed record MachineOptions
{
    /// <summary>See <see cref="MatrixRounding"/>.</summary>
    public MatrixRounding Rounding { get; init; }
    /// <summary>Whether the products of a run are added last to first.</summary>
    public bool ReverseOrder { get; init; }
    /// <summary>Instructions of all warps after which a launch counts as endless.</summary>
    public long MostInstructions { get; init; } = 200_000_000;
    /// <summary>Words that memory holds where nobody has written: loads of it are counted. Null where there is no such pattern.</summary>
    public uint? Poison { get; init; }
}
