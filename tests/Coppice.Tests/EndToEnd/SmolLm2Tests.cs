using System.Text.Json;
using Coppice.Drafting;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>SmolLM2-135M-Instruct, a real model with text, against what Hugging Face transformers computes with it.</summary>
public sealed class SmolLm2Tests : IDisposable
{
    private readonly string _folder = SharedData.Require("golden/smollm2");
    private readonly Golden _golden;
    private readonly LanguageModel _model;

    public SmolLm2Tests()
    {
        _golden = new Golden(_folder);
        _model = LanguageModel.Load(SharedData.Require("models/smollm2-135m-instruct"),
            new ModelOptions { Device = "cpu", ContextLength = 4096 });
    }

    public void Dispose()
    {
        _model.Dispose();
        _golden.Dispose();
    }

    [Fact]
    public void Logits_behind_every_prompt_and_greedy_texts_are_those_of_transformers()
    {
        using var session = _model.NewSession();
        foreach (var test in _golden.Cases.Where(c => !c.StartsWith("text.", StringComparison.Ordinal)))
        {
            var ids = _golden.Ids($"ids.{test}");
            var last = Logits.Of(_model, ids)[^_model.VocabularySize..];
            var difference = Logits.LargestDifference(_golden.Floats($"logits.{test}"), last);
            Assert.True(difference <= 1e-3f, $"case {test}: logits differ by {difference}");
            var path = _golden.Ids($"greedy.{test}");
            Assert.Equal(path, session.Greedy(ids, path.Length));
        }
    }

    [Fact]
    public async Task Text_in_gives_text_out_piece_by_piece()
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "golden.json")));
        using var session = _model.NewSession();
        foreach (var test in document.RootElement.GetProperty("cases").EnumerateArray().Where(c => c.GetProperty("tokens").GetInt32() < 60))
        {
            var options = new GenerationOptions { MaxTokens = test.GetProperty("greedy").GetInt32(), ShowSpecialTokens = true };
            var text = "";
            await foreach (var piece in session.GenerateAsync(test.GetProperty("text").GetString()!, options,
                TestContext.Current.CancellationToken))
                text += piece.Text;
            Assert.Equal(test.GetProperty("greedy_text").GetString(), text);
            Assert.Equal(text, session.LastResult!.Text);
            Assert.Equal(test.GetProperty("tokens").GetInt32(), session.LastResult.PromptTokens);
        }
    }

    [Fact]
    public void A_stop_string_ends_the_text_before_it_wherever_tokens_divide_it()
    {
        using var session = _model.NewSession();
        var whole = string.Concat(session.Generate("The", new() { MaxTokens = 19 }, TestContext.Current.CancellationToken)
            .Select(p => p.Text));
        foreach (var stop in (string[])["world", "orld-is", "-w", "a world", "d-of-f"])
        {
            var text = string.Concat(session.Generate("The", new() { MaxTokens = 19, StopSequences = [stop, "never"] },
                TestContext.Current.CancellationToken).Select(p => p.Text));
            var at = whole.IndexOf(stop, StringComparison.Ordinal);
            Assert.Equal(at < 0 ? whole : whole[..at], text);
            Assert.Equal(at < 0 ? FinishReason.Length : FinishReason.Stop, session.LastResult!.FinishReason);
        }
    }

    [Theory, InlineData("speech"), InlineData("novel")]
    public void Mean_negative_log_likelihood_in_one_context_and_in_windows_is_that_of_transformers(string text)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "golden.json")));
        using var scorer = new Scorer(_model, 4096);
        var ids = _golden.Ids($"ids.text.{text}");
        var expected = _golden.Floats($"nll.{text}");
        var actual = scorer.NegativeLogLikelihoods(ids, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(expected.Length, actual.Count);
        Assert.Equal(expected.Average(e => (double)e), actual.Average(), 1e-4);
        var windowed = document.RootElement.GetProperty("perplexity").EnumerateArray()
            .Single(p => p.GetProperty("text").GetString() == text + ".txt");
        Assert.Equal(windowed.GetProperty("mean_nll_windows_512").GetDouble(),
            scorer.NegativeLogLikelihoods(ids, 512, TestContext.Current.CancellationToken).Average(), 1e-4);
        TestContext.Current.SendDiagnosticMessage(
            $"largest difference {expected.Zip(actual, (e, a) => Math.Abs(e - a)).Max()}, mean {actual.Average()}");
    }

    /// <summary>Shares of the time of verification, in the best of several texts: others may work on the machine.</summary>
    [Theory]
    [InlineData("token-recycling", 0.10)]
    [InlineData("aded", 0.10)]
    [InlineData("auto", 0.10)]
    [InlineData("prompt-lookup", 0.10)]
    [InlineData("suffix", 0.10)]
    public void Drafting_and_choosing_take_a_tenth_of_verification_and_choosing_a_twentieth(string drafter, double most)
    {
        using var session = _model.NewSession();
        var options = new GenerationOptions
        {
            MaxTokens = 48,
            IgnoreEos = true,
            Drafter = Coppice.Drafting.DrafterOptions.Parse($"{drafter}:guard=false")
        };
        var (overhead, host) = (double.PositiveInfinity, double.PositiveInfinity);
        for (var run = 0; run < 12 && (overhead > most || host > 0.05); run++)
        {
            session.Reset();
            session.Ids(_golden.Ids("ids." + _golden.Cases.First()), options);
            var result = session.LastResult!;
            overhead = Math.Min(overhead, (result.DraftTime + result.HostTime) / result.VerifyTime);
            host = Math.Min(host, result.HostTime / result.VerifyTime);
        }
        Assert.InRange(overhead, 0, most);
        Assert.InRange(host, 0, 0.05);
    }
}
