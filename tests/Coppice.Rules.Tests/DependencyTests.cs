using ArchUnitNET.Domain;
using ArchUnitNET.Loader;
using Xunit;
using static ArchUnitNET.Fluent.ArchRuleDefinition;
using Assembly = System.Reflection.Assembly;

namespace Coppice.Rules.Tests;

/// <summary>Which way dependencies may point, between assemblies and between the folders of each.</summary>
public sealed class DependencyTests
{
    private static readonly Assembly Kernels = typeof(Coppice.Kernels.Backend).Assembly;
    private static readonly Assembly Library = typeof(LanguageModel).Assembly;
    private static readonly Assembly Cli = Assembly.Load("Coppice.Cli");
    private static readonly Assembly Tiles = typeof(Coppice.Kernels.Tiles.TileFamily).Assembly;
    private static readonly Architecture Code = new ArchLoader().LoadAssemblies(Kernels, Library, Cli).Build();

    [Fact]
    public void Kernels_know_only_ILGPU_and_the_framework() => References(Kernels, "ILGPU", "ILGPU.Algorithms", "System.Numerics.Tensors");

    [Fact]
    public void What_writes_tiles_knows_only_the_framework() => References(Tiles);

    [Fact]
    public void The_library_knows_only_the_kernels_and_its_packages() => References(Library, "Coppice.Kernels", "Microsoft.ML.Tokenizers", "System.Numerics.Tensors");

    [Theory]
    [InlineData("Weights", "Models", "Cache", "Decoding", "Text", "Conversion")]
    [InlineData("Cache", "Weights", "Models", "Decoding", "Text", "Conversion")]
    [InlineData("Models", "Decoding", "Text", "Conversion")]
    [InlineData("Decoding", "Weights", "Text", "Conversion")]
    [InlineData("Text", "Weights", "Cache", "Models", "Decoding", "Kernels", "Conversion")]
    [InlineData("Conversion", "Cache", "Decoding")]
    public void Folders_of_the_library_look_only_downwards(string folder, params string[] forbidden)
    {
        foreach (var other in forbidden) Refuse(Folder($"Coppice.{folder}"), Folder($"Coppice.{other}"));
    }

    [Theory]
    [InlineData("Weights")]
    [InlineData("Cache")]
    [InlineData("Models")]
    [InlineData("Text")]
    [InlineData("Conversion")]
    public void No_folder_of_the_library_uses_its_facade(string folder) =>
        Refuse(Folder($"Coppice.{folder}"), @"^Coppice\.(LanguageModel|Session|Scorer|ModelOptions|GenerationOptions|DeviceFactory)$", byName: true);

    [Fact]
    public void Kernels_know_nothing_of_the_library() => Refuse(@"^Coppice\.Kernels(\..*)?$", @"^Coppice\.(Weights|Cache|Models|Decoding|Text|Cli)(\..*)?$");

    [Fact]
    public void Scalar_meanings_know_nothing_of_a_GPU_library() => Refuse(Folder("Coppice.Kernels.Numerics"), @"^ILGPU(\..*)?$");

    [Fact]
    public void Memory_and_lanes_know_no_op()
    {
        Refuse(Folder("Coppice.Kernels.Numerics"), Folder("Coppice.Kernels.Memory"));
        Refuse(Folder("Coppice.Kernels.Memory"), Folder("Coppice.Kernels.Simd"));
        Refuse(Folder("Coppice.Kernels.Simd"), Folder("Coppice.Kernels.Gpu"));
        Refuse(Folder("Coppice.Kernels.Gpu"), Folder("Coppice.Kernels.Simd"));
    }

    [Fact]
    public void The_command_line_is_used_by_nobody() => Refuse(@"^Coppice(\.(?!Cli).*)?$", Folder("Coppice.Cli"));

    /// <summary>Dependencies that there are by design are found, so that an empty result means something.</summary>
    [Fact]
    public void Dependencies_that_exist_are_found()
    {
        Assert.ThrowsAny<Exception>(() => Refuse(Folder("Coppice.Models"), Folder("Coppice.Cache")));
        Assert.ThrowsAny<Exception>(() => Refuse(Folder("Coppice.Kernels.Gpu"), @"^ILGPU(\..*)?$"));
        Assert.ThrowsAny<Exception>(() => Refuse(@"^Coppice$", @"^Coppice\.LanguageModel$", byName: true));
    }

    private static string Folder(string name) => $@"^{name.Replace(".", @"\.", StringComparison.Ordinal)}(\..*)?$";

    private static void References(Assembly assembly, params string[] allowed)
    {
        var references = assembly.GetReferencedAssemblies().Select(r => r.Name!).Where(n => !IsFramework(n));
        Assert.Empty(references.Except(allowed));
    }

    /// <summary>Whether an assembly comes with .NET itself: it lies beside the core library.</summary>
    private static bool IsFramework(string name) =>
        File.Exists(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, $"{name}.dll"));

    private static void Refuse(string fromNamespace, string toPattern, bool byName = false)
    {
        var to = byName ? Types(true).That().HaveFullNameMatching(toPattern) : Types(true).That().ResideInNamespaceMatching(toPattern);
        var rule = Types().That().ResideInNamespaceMatching(fromNamespace).Should().NotDependOnAny(to).WithoutRequiringPositiveResults();
        var broken = rule.Evaluate(Code).Where(result => !result.Passed).Select(result => result.Description).ToArray();
        Assert.True(broken.Length == 0, string.Join('\n', broken));
    }
}
