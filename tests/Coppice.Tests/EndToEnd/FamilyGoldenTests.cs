using Coppice.Kernels;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>Small models of every family against what Hugging Face transformers computes with them.</summary>
public sealed class FamilyGoldenTests
{
    /// <summary>
    /// Two float32 computations of these models differ by less than 5e-5 (their README); the least visible mistake makes 2e-3.
    /// </summary>
    private const float Tolerance = 2e-4f;

    public static TheoryData<string> Folders() => [.. GoldenFamily.Names()];

    /// <summary>
    /// One folder for each way to compute: the others differ in how weights are stored, in the form of the config, or in tables that the
    /// host fills.
    /// </summary>
    public static TheoryData<string> DeviceFolders() =>
        [.. GoldenFamily.Names().Where(name => !name.EndsWith("-old", StringComparison.Ordinal)
        && name is not ("llama-bf16" or "llama-f16" or "llama-sharded" or "llama-tied" or "llama-linear-rope" or "llama3-rope"))];

    [Theory, MemberData(nameof(Folders))]
    public void Logits_and_greedy_paths_are_those_of_transformers(string name)
    {
        using var family = new GoldenFamily(name);
        using var golden = new Golden(family.Folder);
        using var model = LanguageModel.Load(family.Folder, Options("cpu"));
        foreach (var test in golden.Cases) Compare(model, golden, name, test);
    }

    /// <summary>
    /// The device kernels, on a device where a row takes up to 0.1 s: the prompt that crosses the original context while decoding,
    /// the one that the window cuts, or else the short one.
    /// </summary>
    [Theory, MemberData(nameof(DeviceFolders))]
    public void Device_kernels_give_the_logits_and_greedy_paths_of_transformers(string name)
    {
        using var family = new GoldenFamily(name);
        using var golden = new Golden(family.Folder);
        using var model = LanguageModel.Load(family.Folder, Options("ilgpu-cpu"));
        var test = Array.Find(["cross", "edge", "short"], test => golden.Has($"ids.{test}"))!;
        Compare(model, golden, name, test, steps: test == "cross" ? 16 : 8);
    }

    private static ModelOptions Options(string device) => new() { Device = device, WeightFormat = WeightFormat.F32, ContextLength = 112 };

    private static void Compare(LanguageModel model, Golden golden, string name, string test, int steps = int.MaxValue)
    {
        var ids = golden.Ids($"ids.{test}");
        var difference = Logits.LargestDifference(golden.Floats($"logits.{test}"), Logits.Of(model, ids));
        Assert.True(difference <= Tolerance, $"{name}, case {test}: logits differ by {difference}, at most {Tolerance} is expected");
        int[] path = [.. golden.Ids($"greedy.{test}").Take(steps)];
        using var session = model.NewSession();
        Assert.Equal(path, session.Greedy(ids, path.Length));
    }
}
