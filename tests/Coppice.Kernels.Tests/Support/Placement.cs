namespace Coppice.Kernels.Tests.Support;

/// <summary>Where the operands of one run lie.</summary>
/// <param name="BeforeGuard">On the host: whether a buffer ends at a guard page rather than beginning after one.</param>
/// <param name="Lead">Elements of the buffer before element 0: unaligned starts.</param>
/// <param name="Gap">Elements between the end of a row and the next row, as in a column view.</param>
public readonly record struct Placement(bool BeforeGuard, int Lead, int Gap)
{
    /// <summary>Contiguous, ending at the guard.</summary>
    public static Placement Plain { get; } = new(true, 0, 0);

    /// <summary>Contiguous at either guard, then column views of odd offset and stride at either.</summary>
    public static IReadOnlyList<Placement> All { get; } = [Plain, new(false, 0, 3), new(true, 1, 1), new(false, 3, 8)];
}
