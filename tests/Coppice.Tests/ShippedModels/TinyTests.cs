using System.Text.Json;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.ShippedModels;

/// <summary>The model that ships with the repository, against what PyTorch computes from its files in double precision.</summary>
public sealed class TinyTests : IDisposable
{
    private const double CloseCall = 1e-3; // where the best two logits are nearer, single precision may choose the other

    private readonly string _folder = Path.Combine(SharedData.Repository, "weights", "tiny");
    private readonly JsonDocument _golden;
    private readonly LanguageModel _model;

    public TinyTests()
    {
        _golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "golden.json")));
        _model = LanguageModel.Load(_folder, new ModelOptions { Device = "cpu" });
    }

    private IEnumerable<JsonElement> Prompts => _golden.RootElement.GetProperty("prompts").EnumerateArray();

    public void Dispose()
    {
        _model.Dispose();
        _golden.Dispose();
    }

    [Fact]
    public void Prompts_have_the_ids_of_the_recipe()
    {
        foreach (var prompt in Prompts)
            Assert.Equal(Numbers(prompt, "ids").Select(id => (int)id), _model.Tokenizer!.Encode(prompt.GetProperty("text").GetString()!));
    }

    [Fact]
    public void Greedy_continuations_are_those_of_PyTorch_up_to_the_first_close_call()
    {
        using var session = _model.NewSession();
        var compared = 0;
        foreach (var prompt in Prompts)
        {
            var sure = Numbers(prompt, "margins").TakeWhile(margin => margin >= CloseCall).Count();
            if (sure == 0) continue;
            int[] ids = [.. Numbers(prompt, "ids").Select(id => (int)id)];
            var actual = session.Ids(ids, new GenerationOptions { MaxTokens = sure, IgnoreEos = true });
            Assert.Equal(Numbers(prompt, "greedy").Take(sure).Select(id => (int)id), actual);
            compared += sure;
        }
        Assert.True(compared >= 100, $"only {compared} tokens come before a close call");
    }

    [Fact]
    public void Largest_logits_are_those_of_PyTorch()
    {
        var compared = 0;
        foreach (var prompt in Prompts.Where(p => p.TryGetProperty("top_logits", out _)))
        {
            int[] ids = [.. Numbers(prompt, "ids").Select(id => (int)id)];
            var last = Logits.Of(_model, ids)[^_model.VocabularySize..];
            foreach (var pair in prompt.GetProperty("top_logits").EnumerateArray())
                Assert.Equal(pair[1].GetDouble(), last[pair[0].GetInt32()], 1e-3);
            Assert.Equal(prompt.GetProperty("log_sum_exp").GetDouble(), Math.Log(last.Sum(logit => Math.Exp(logit))), 1e-3);
            compared++;
        }
        Assert.Equal(3, compared);
    }

    [Fact]
    public void Loss_on_held_out_text_is_that_of_PyTorch()
    {
        var golden = _golden.RootElement.GetProperty("held_out");
        var ids = _model.Tokenizer!.Encode(File.ReadAllText(Path.Combine(_folder, golden.GetProperty("file").GetString()!)));
        Assert.Equal(golden.GetProperty("tokens").GetInt32(), ids.Length);
        var window = golden.GetProperty("window").GetInt32();
        using var scorer = new Scorer(_model, window);
        var losses = scorer.NegativeLogLikelihoods(ids, window, TestContext.Current.CancellationToken);
        Assert.Equal(golden.GetProperty("scored").GetInt32(), losses.Count);
        Assert.Equal(golden.GetProperty("mean_nll").GetDouble(), losses.Average(), 1e-4);
    }

    [Fact]
    public void Draft_loads_and_has_the_same_tokenizer()
    {
        var draft = Path.Combine(SharedData.Repository, "weights", "draft");
        using var model = LanguageModel.Load(draft, new ModelOptions { Device = "cpu" });
        Assert.Equal(_model.VocabularySize, model.VocabularySize);
        Assert.Equal(File.ReadAllBytes(Path.Combine(_folder, "tokenizer.json")), File.ReadAllBytes(Path.Combine(draft, "tokenizer.json")));
    }

    private static IEnumerable<double> Numbers(JsonElement element, string name) =>
        element.GetProperty(name).EnumerateArray().Select(item => item.GetDouble());
}
