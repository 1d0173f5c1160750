namespace Coppice.Kernels.Tests.Ptx;

/// <summary>Whether everything is to run in the interpreter, which takes minutes, or a sample: COPPICE_PTX=full.</summary>
internal static class Full
{
    public static bool IsAskedFor { get; } = Environment.GetEnvironmentVariable("COPPICE_PTX") == "full";
}
