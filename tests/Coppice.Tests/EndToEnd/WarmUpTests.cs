using Coppice.Kernels;
using Coppice.Loading;
using Coppice.Models;
using Coppice.Tests.Support;
using Coppice.Weights;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>
/// The miniature that runs while a model is read runs for every family and every way of keeping weights and cache, and stays small.
/// </summary>
public sealed class WarmUpTests
{
    [Theory, MemberData(nameof(TinyFamilies.Names), MemberType = typeof(TinyFamilies))]
    public void Every_family_has_a_miniature_that_runs(string family)
    {
        using var folder = new TinyModel(TinyFamilies.Configs[family]);
        Prepare(folder, new ModelOptions { Device = "cpu" }).Run();
    }

    public static TheoryData<ModelOptions> Ways =>
    [
        new ModelOptions { WeightFormat = WeightFormat.BF16, KvCache = new KvCacheOptions { Type = ElementType.BF16 } },
        new ModelOptions { WeightFormat = WeightFormat.F16,
            KvCache = new KvCacheOptions { Type = ElementType.F16, SharedTokens = 100_000 } },
        new ModelOptions { WeightFormat = WeightFormat.Q8, QuantizeVocabulary = false, ContextLength = 16 },
        new ModelOptions { WeightFormat = WeightFormat.Q4, Activations = ActivationFormat.Int8, PrefillChunk = 4 },
        new ModelOptions { CpuTier = CpuTier.Portable, Threads = 2 },
    ];

    [Theory, MemberData(nameof(Ways), DisableDiscoveryEnumeration = true)]
    public void Every_way_of_keeping_weights_and_cache_has_a_miniature_that_runs(ModelOptions options)
    {
        using var folder = new TinyModel(TinyFamilies.Configs["mixtral"]);
        Prepare(folder, options).Run();
    }

    [Theory]
    [InlineData("smollm3", 2)]
    [InlineData("gemma3", 2)]
    [InlineData("cohere2", 3)]
    [InlineData("mistral", 1)]
    public void A_miniature_has_the_models_kinds_of_layers_and_little_else(string family, int layers)
    {
        var (_, spec) = ModelFamily.Read(ConfigReader.Parse(TinyFamilies.Configs[family]));
        var large = spec with { HiddenSize = 8192, MlpSize = 28672, QueryHeads = 64, KvHeads = 8, HeadDim = 128, VocabularySize = 256_000 };
        var miniature = WarmUp.Miniature(large);
        Assert.Equal(layers, miniature.Layers.Count);
        Assert.Equal(large.Layers.Distinct(), miniature.Layers.Distinct());
        Assert.Equal((8, 1, 128), (miniature.QueryHeads, miniature.KvHeads, miniature.HeadDim));
        Assert.InRange(WeightPlan.Build(miniature,
            ModelFamily.Read(ConfigReader.Parse(TinyFamilies.Configs[family])).Item1.Map(spec)).ParameterCount, 1, 2_000_000);
    }

    private static WarmUp Prepare(TinyModel folder, ModelOptions options)
    {
        var files = ModelFolder.Read(folder.Folder);
        using var checkpoint = Checkpoint.Open(folder.Folder);
        using var backend = DeviceFactory.Create("cpu", 1);
        return new WarmUp(backend, files, files.Plan(checkpoint).Plan.Weights, checkpoint, options);
    }
}
