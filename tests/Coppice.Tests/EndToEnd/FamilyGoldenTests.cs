using Coppice.Kernels;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>Small models of every family against what Hugging Face transformers computes with them.</summary>
public sealed class FamilyGoldenTests
{
    /// <summary>Two float32 computations of these models differ by less than 5e-5 (their README); the least visible mistake makes 2e-3.</summary>
    private const float Tolerance = 2e-4f;

    public static TheoryData<string> Folders()
    {
        var folders = new TheoryData<string>();
        var root = SharedData.Root is null ? null : Path.Combine(SharedData.Root, "golden", "families");
        if (root is null || !Directory.Exists(root)) folders.Add("llama-tied");
        else foreach (var folder in Directory.EnumerateDirectories(root).Order()) folders.Add(Path.GetFileName(folder));
        return folders;
    }

    [Theory, MemberData(nameof(Folders))]
    public void Logits_and_greedy_paths_are_those_of_transformers(string name)
    {
        var folder = SharedData.Require($"golden/families/{name}");
        using var golden = new Golden(folder);
        using var model = LanguageModel.Load(folder, new ModelOptions { Device = "cpu", WeightFormat = WeightFormat.F32, MaxTokens = 112 });
        using var session = model.NewSession();
        foreach (var test in golden.Cases)
        {
            var ids = golden.Ids($"ids.{test}");
            var difference = Logits.LargestDifference(golden.Floats($"logits.{test}"), Logits.Of(model, ids));
            Assert.True(difference <= Tolerance, $"{name}, case {test}: logits differ by {difference}, at most {Tolerance} is expected");
            var path = golden.Ids($"greedy.{test}");
            Assert.Equal(path, session.Greedy(ids, path.Length));
        }
    }
}
