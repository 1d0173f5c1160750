namespace Coppice.Kernels.Gpu;

/// <summary>
/// Threads of a kernel's group on a GPU at most, from which the occupancy follows. The launcher decides; this repeats it for the tables.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class GroupSizeAttribute(int threads) : Attribute
{
    internal int Threads { get; } = threads;
}
