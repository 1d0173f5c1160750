using Coppice.Rules.Tests.Support;
using Xunit;

namespace Coppice.Rules.Tests;

/// <summary>How the runtime may compile what loops over lanes.</summary>
public sealed class CompilationTests
{
    private const string Definition = "kernels/Coppice.Kernels/Simd/Compiled.cs";

    /// <summary>
    /// AggressiveOptimization without NoInlining: a host with a profile puts a tile into its caller, where its lanes become calls.
    /// </summary>
    [Fact]
    public void Loops_over_lanes_are_compiled_alone()
    {
        var files = SourceTree.CSharp("kernels", "src", "eng");
        Assert.Contains(files, file => file.Path == Definition);
        Assert.Empty(files.Where(file => file.Path != Definition && file.Text.Contains("AggressiveOptimization", StringComparison.Ordinal))
            .Select(file => file.Path));
    }
}
