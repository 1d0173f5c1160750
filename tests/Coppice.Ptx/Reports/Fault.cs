namespace Coppice.Ptx.Reports;

/// <summary>What a kernel did that it must not do.</summary>
public enum FaultKind
{
    /// <summary>A register was read that the thread has not written.</summary>
    UnwrittenRegister,
    /// <summary>Shared or local memory was read that nobody has written.</summary>
    UnwrittenMemory,
    /// <summary>An address outside the memory that the launch was given.</summary>
    OutOfBounds,
    /// <summary>An address that is no multiple of the size of the access.</summary>
    Misaligned,
    /// <summary>Two threads touched the same bytes with nothing between them that orders them, and one of them wrote.</summary>
    Race,
    /// <summary>A barrier that not all threads of the warp, or of the group, reach.</summary>
    DivergentBarrier,
    /// <summary>A shuffle, vote or matrix product without all the lanes that it names.</summary>
    MissingLanes,
    /// <summary>Memory that an asynchronous copy has not reached yet was touched, or one was never waited for.</summary>
    PendingCopy,
    /// <summary>The launch did not end.</summary>
    Endless,
}

/// <summary>Something wrong in one instruction, once for each kind and instruction.</summary>
/// <param name="Kind">What.</param>
/// <param name="Line">Line of the text.</param>
/// <param name="Instruction">"ld.shared.f32".</param>
/// <param name="Message">Who and where: block, thread, address.</param>
public sealed record Fault(FaultKind Kind, int Line, string Instruction, string Message)
{
    public override string ToString() => $"{Kind} at line {Line}, {Instruction}: {Message}";
}
