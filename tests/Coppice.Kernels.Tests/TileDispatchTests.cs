using System.Reflection;
using Coppice.Kernels.Simd;
using Xunit;

namespace Coppice.Kernels.Tests;

/// <summary>What calls register tiles: a height for which there is none is refused, and never done by another tile.</summary>
public sealed class TileDispatchTests
{
    private const BindingFlags Hidden = BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;
    private static readonly Type Backend = typeof(SimdBackend<Lanes512>);
    private static readonly Type Formats = typeof(BF16Panels<Lanes512>), Codes = typeof(Q4Panels<Lanes512>);

    public static TheoryData<string> Dispatches =>
        ["OneRow", "TilesOf1", "TilesOf2", "TilesOf4", "CodeTilesOf1", "CodeTilesOf2", "NibblesOf1", "NibblesOf2", "NibblesOf4",
            "BytesOf1", "BytesOf4"];

    [Theory, MemberData(nameof(Dispatches))]
    public void A_height_without_a_tile_is_refused(string name)
    {
        var dispatch = Backend.GetMethod(name, Hidden)!;
        if (dispatch.IsGenericMethod)
            dispatch = dispatch.MakeGenericMethod(name.StartsWith("Code", StringComparison.Ordinal) ? Codes : Formats);
        foreach (var rows in new[] { -1, 0, 5, 7, 9 }) Refuses(dispatch, null, rows, name);
    }

    [Theory]
    [InlineData("ScoresOf4")]
    [InlineData("ScoresOf1")]
    [InlineData("ValuesOf4")]
    [InlineData("ValuesOf1")]
    public void A_number_of_queries_without_a_tile_is_refused(string name)
    {
        var job = Backend.GetNestedTypes(BindingFlags.NonPublic).Single(type => type.Name == "AttentionJob`2")
            .MakeGenericType(typeof(Lanes512), typeof(DensePages), typeof(F32Element<Lanes512>));
        foreach (var queries in new[] { 0, 3, 5, 8 })
            Refuses(job.GetMethod(name, Hidden)!, Activator.CreateInstance(job, nonPublic: true), queries, name);
    }

    private static void Refuses(MethodInfo dispatch, object? target, int rows, string name)
    {
        var arguments = dispatch.GetParameters().Select(parameter => parameter.ParameterType.IsPointer ? null
            : Activator.CreateInstance(parameter.ParameterType)).ToArray();
        arguments[0] = rows;
        var error = Assert.Throws<TargetInvocationException>(() => dispatch.Invoke(target, arguments)).InnerException;
        Assert.Equal($"{name}: there must be a tile of this height, got {rows} (add it to eng/Coppice.Kernels.Tiles).",
            Assert.IsType<InvalidOperationException>(error).Message);
    }
}
