using Coppice.Decoding.Sampling;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Models;

/// <summary>What generation_config.json recommends: readable, and usable where the caller has set nothing.</summary>
public sealed class GenerationDefaultsTests : IDisposable
{
    private const string Sampling = """
        {"do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 0.95, "min_p": 0.01, "repetition_penalty": 1.05,
         "max_new_tokens": 9, "min_new_tokens": 2}
        """;

    private readonly TinyModel _folder = new();

    public void Dispose() => _folder.Dispose();

    private LanguageModel Load(string generation)
    {
        File.WriteAllText(Path.Combine(_folder.Folder, "generation_config.json"), generation);
        return _folder.Load();
    }

    [Fact]
    public void Advice_is_read_as_options()
    {
        using var model = Load(Sampling);
        var expected = new GenerationOptions
        {
            Temperature = 0.6f,
            TopK = 20,
            TopP = 0.95f,
            MinP = 0.01f,
            RepetitionPenalty = 1.05f,
            MaxTokens = 9,
            MinTokens = 2,
        };
        Assert.Equal(expected, model.DefaultGeneration);
        Assert.Equal(expected, ModelInfo.Read(_folder.Folder).DefaultGeneration);
        Assert.Empty(model.Warnings);
    }

    [Fact]
    public void Advice_counts_where_the_caller_asks_for_it_and_has_set_nothing()
    {
        using var model = Load(Sampling);
        using var session = model.NewSession();
        var prompt = TinyModel.Prompt(6);
        var advised = session.Ids(prompt, new() { UseModelDefaults = true, Seed = 4 });
        Assert.Equal(session.Ids(prompt, model.DefaultGeneration with { Seed = 4 }), advised);
        Assert.InRange(advised.Length, 1, 9);
        Assert.NotEqual(advised, session.Ids(prompt, new() { MaxTokens = 9, Seed = 4, IgnoreEos = true }));
        // Set to its own default is set: greedy, and without the penalty.
        var plain = new GenerationOptions { Temperature = 0, RepetitionPenalty = 1, MaxTokens = 30, MinTokens = 0 };
        Assert.Equal(session.Ids(prompt, new() { MaxTokens = 30 }), session.Ids(prompt, plain with { UseModelDefaults = true }));
    }

    [Fact]
    public void A_limit_of_the_caller_holds_against_the_models()
    {
        using var model = Load("""{"min_new_tokens": 20, "max_new_tokens": 40}""");
        using var session = model.NewSession();
        Assert.Equal(3, session.Ids(TinyModel.Prompt(6), new() { UseModelDefaults = true, MaxTokens = 3, IgnoreEos = true }).Length);
        Assert.Equal(50, session.Ids(TinyModel.Prompt(6), new() { UseModelDefaults = true, MinTokens = 50, IgnoreEos = true }).Length);
        Assert.Equal(40, session.Ids(TinyModel.Prompt(6), new() { UseModelDefaults = true, IgnoreEos = true }).Length);
    }

    [Theory]
    [InlineData("""{"temperature": 0.6, "top_p": 0.9}""", 0f, 1f, 0)]
    [InlineData("""{"do_sample": false, "temperature": 0.6, "top_k": 5}""", 0f, 1f, 0)]
    [InlineData("""{"do_sample": true, "top_p": 0.9}""", 1f, 0.9f, 0)]
    [InlineData("""{"do_sample": true, "temperature": null, "top_k": null}""", 1f, 1f, 0)]
    [InlineData("""{"eos_token_id": 5}""", 0f, 1f, 0)]
    [InlineData("""{"do_sample": true, "temperature": 0.0}""", 0f, 1f, 0)]
    public void Sampling_is_advised_only_with_do_sample(string generation, float temperature, float topP, int topK)
    {
        using var model = Load(generation);
        var advice = model.DefaultGeneration;
        Assert.Equal((temperature, topP, topK), (advice.Temperature, advice.TopP, advice.TopK));
        Assert.Empty(model.Warnings);
    }

    [Theory]
    [InlineData("""{"do_sample": true, "temperature": "hot"}""", "temperature must be a number of at least 0, found")]
    [InlineData("""{"do_sample": true, "top_p": 1.5}""", "top_p must be a number from 0 to 1, found 1.5")]
    [InlineData("""{"do_sample": true, "top_k": -1}""", "top_k must be")]
    [InlineData("""{"do_sample": "yes"}""", "do_sample must be true or false")]
    [InlineData("""{"max_new_tokens": 0}""", "max_new_tokens must be")]
    [InlineData("""{"repetition_penalty": 0}""", "repetition_penalty must be")]
    [InlineData("""{"repetition_penalty": 1e-300}""", "repetition_penalty must be")]
    [InlineData("""{"do_sample": true, "temperature": 1e300}""", "temperature must be")]
    public void Advice_that_makes_no_sense_is_ignored_with_a_warning(string generation, string expected)
    {
        using var model = Load(generation);
        var warning = Assert.Single(model.Warnings);
        Assert.Contains(expected, warning, StringComparison.Ordinal);
        Assert.EndsWith("it is ignored.", warning, StringComparison.Ordinal);
        using var session = model.NewSession();
        Assert.NotEmpty(session.Ids(TinyModel.Prompt(6), new() { UseModelDefaults = true, MaxTokens = 2 }));
    }

    [Fact]
    public void Not_set_is_not_the_same_as_set_to_the_default()
    {
        Assert.NotEqual(new GenerationOptions(), new GenerationOptions { Temperature = 0 });
        Assert.Equal(new GenerationOptions { TopK = 3 }, new GenerationOptions { TopK = 3 });
        Assert.Equal((256, 0, 0f, 0, 1f, 0f, 1f), Values(new GenerationOptions()));
    }

    private static (int, int, float, int, float, float, float) Values(GenerationOptions o) =>
        (o.MaxTokens, o.MinTokens, o.Temperature, o.TopK, o.TopP, o.MinP, o.RepetitionPenalty);
}
