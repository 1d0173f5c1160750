using Coppice.Decoding.Verification;
using Coppice.Kernels.Tests.Reference;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>
/// Whole models of every family on the double-precision reference back end, which shares no arithmetic with the one that computes on the
/// CPU.
/// </summary>
public sealed class ReferenceModelTests
{
    /// <summary>
    /// The reference stores F32 between ops as the engine does, so both differ from exact results by roundings only; a wrong op moves
    /// logits by far more.
    /// </summary>
    private const float Tolerance = 1e-4f;

    public static TheoryData<string> Families => TinyFamilies.Names;

    [Theory, MemberData(nameof(Families))]
    public void Prompt_decoding_and_token_tree_give_the_logits_of_the_reference(string family)
    {
        using var folder = new TinyModel(TinyFamilies.Configs[family]);
        var options = new ModelOptions { Device = "cpu", ContextLength = 128 };
        using var expected = LanguageModel.Load(new ReferenceBackend(), folder.Folder, options,
            cancellation: TestContext.Current.CancellationToken);
        using var actual = folder.Load(options);
        var logits = Logits(expected);
        Assert.Contains(logits, value => MathF.Abs(value) > 1);
        var difference = Support.Logits.LargestDifference(logits, Logits(actual));
        Assert.True(difference <= Tolerance, $"{family}: logits differ by {difference}, at most {Tolerance} is expected");
    }

    /// <summary>
    /// Logits of all rows of three passes: a prompt longer than the windows, one token after it, and a token tree after that.
    /// </summary>
    private static float[] Logits(LanguageModel model)
    {
        using var runner = new PassRunner(model);
        var cache = runner.Dense();
        var prompt = runner.Run(cache, TinyModel.Prompt(20));
        var next = runner.Run(cache, [5]);
        return [.. prompt, .. next, .. runner.Run(cache, Tree(runner.NewTree()))];
    }

    private static TokenTree Tree(TokenTree tree)
    {
        tree.Reset(3);
        foreach (var (parent, token) in ((int, int)[])[(0, 8), (0, 13), (1, 21), (3, 34), (2, 55), (3, 89)]) tree.Add(parent, token);
        return tree;
    }
}
