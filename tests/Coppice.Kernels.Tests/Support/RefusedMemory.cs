using Coppice.Kernels.Assembled;

namespace Coppice.Kernels.Tests.Support;

/// <summary>
/// A process without executable memory of our own: a child, because nothing takes kernels back that are there. The switch stands for a
/// system that refuses it (PR_SET_MDWE does, but ends the runtime's own code as well).
/// </summary>
internal static class RefusedMemory
{
    internal const string Variable = "COPPICE_REFUSED_MEMORY";

    /// <summary>Whether this process shall do without.</summary>
    internal static bool IsAskedFor { get; } = Environment.GetEnvironmentVariable(Variable) is not null;

    internal static void Refuse()
    {
        AppContext.SetSwitch(ExecutableMemory.Switch, false);
        if (ExecutableMemory.Map([0xc3]) != 0) throw new InvalidOperationException("executable memory must be refused here, and was not");
    }
}
