using System.Text.Json;
using Coppice.Decoding.Sampling;
using Coppice.Drafting;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>Options of a generation in whole sessions: what ends a text, what is biased, and what the model recommends.</summary>
public sealed class GenerationOptionTests : IDisposable
{
    /// <summary>Two special tokens, 94 and 95, and letters.</summary>
    private const string Tokenizer = """
        {"version": "1.0", "added_tokens": [
          {"id": 94, "content": "<|turn|>", "special": true, "normalized": false, "single_word": false, "lstrip": false, "rstrip": false},
          {"id": 95, "content": "<|end|>", "special": true, "normalized": false, "single_word": false, "lstrip": false, "rstrip": false}],
         "model": {"type": "BPE", "vocab": VOCABULARY, "merges": []}}
        """;
    private static readonly int[] Prompt = TinyModel.Prompt(12);

    private readonly TinyModel _folder = new();

    public GenerationOptionTests() => WriteTokenizer("<|end|>");

    public void Dispose() => _folder.Dispose();

    private void WriteTokenizer(string endToken)
    {
        var letters = Enumerable.Range(0, 94).ToDictionary(id => ((char)(id < 93 ? 0x21 + id : 0xe9)).ToString());
        var json = Tokenizer.Replace("VOCABULARY", JsonSerializer.Serialize(letters), StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(_folder.Folder, "tokenizer.json"), json);
        File.WriteAllText(Path.Combine(_folder.Folder, "tokenizer_config.json"), JsonSerializer.Serialize(new { eos_token = endToken }));
    }

    private static readonly GenerationOptions Long = new() { MaxTokens = 30, IgnoreEos = true };

    private static int[] Greedy(Session session) => session.Ids(Prompt, Long);

    [Fact]
    public void Both_the_configuration_and_the_tokenizer_name_end_tokens()
    {
        File.WriteAllText(Path.Combine(_folder.Folder, "generation_config.json"), """{"eos_token_id": 0}""");
        using var model = _folder.Load();
        Assert.Equal([0, 95], model.EndTokenIds);
        Assert.Equal([0, 95], ModelInfo.Read(_folder.Folder).EndTokenIds);
        foreach (var id in (int[])[0, 95])
        {
            using var session = model.NewSession();
            Assert.Equal([id], session.Ids(Prompt, new() { MaxTokens = 9, LogitBias = Force(id) }));
            var result = session.LastResult!;
            Assert.Equal((FinishReason.Eos, id, (string?)null), (result.FinishReason, result.StopId, result.Stop));
        }
    }

    [Fact]
    public void An_end_token_outside_the_vocabulary_is_ignored_beside_a_good_one()
    {
        File.WriteAllText(Path.Combine(_folder.Folder, "generation_config.json"), """{"eos_token_id": [2, 99999]}""");
        using var model = _folder.Load();
        Assert.Equal([2, 95], model.EndTokenIds);
        Assert.Contains("99999", Assert.Single(model.Warnings), StringComparison.Ordinal);
        Assert.Equal(model.Warnings, ModelInfo.Read(_folder.Folder).Warnings);
    }

    [Fact]
    public void Further_end_tokens_end_a_text_also_where_the_models_own_do_not()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var all = Greedy(session);
        var end = all[4];
        var expected = all[..(Array.IndexOf(all, end) + 1)];
        Assert.Equal(expected, session.Ids(Prompt, Long with { EndIds = [1, end] }));
        Assert.Equal((FinishReason.Eos, end), (session.LastResult!.FinishReason, session.LastResult.StopId));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_stop_text_that_is_a_special_token_ends_where_the_token_is_chosen(bool shown)
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var options = Long with { StopSequences = ["never", "<|turn|>"], LogitBias = Force(94), ShowSpecialTokens = shown };
        Assert.Equal([94], session.Ids(Prompt, options));
        var result = session.LastResult!;
        Assert.Equal((FinishReason.Stop, "<|turn|>", 94, ""), (result.FinishReason, result.Stop, result.StopId, result.Text));
    }

    [Theory, InlineData("none"), InlineData("prompt-lookup:length=4"), InlineData("token-recycling")]
    public void The_result_says_which_stop_text_ended_it(string drafter)
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        session.Ids(Prompt, Long);
        var text = session.LastResult!.Text;
        Assert.Null(session.LastResult.Stop);
        var stop = text[5..8];
        var options = Long with { StopSequences = ["never", stop, stop[1..]], Drafter = DrafterOptions.Parse(drafter) };
        var pieces = string.Concat(session.Pieces(Prompt, options).Select(piece => piece.Text));
        var result = session.LastResult;
        Assert.Equal((FinishReason.Stop, (int?)null), (result.FinishReason, result.StopId));
        Assert.Contains(result.Stop, (string[])[stop, stop[1..]]);
        Assert.Equal(text[..(text.IndexOf(stop[1..], StringComparison.Ordinal) - (result.Stop == stop ? 1 : 0))], pieces);
        Assert.Equal(pieces, result.Text);
    }

    [Fact]
    public void The_first_tokens_do_not_end_a_text()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var all = Greedy(session);
        // By tokens: banned among the first nine, chosen as the tenth.
        var forced = session.Ids(Prompt, Long with { MinTokens = 9, EndIds = [40], LogitBias = Force(40) });
        Assert.Equal((10, 40), (forced.Length, forced[^1]));
        Assert.DoesNotContain(40, forced[..^1]);
        // By stop texts: what is complete before the seventh token does not count.
        var text = session.Pieces(Prompt, Long).Select(piece => piece.Text).ToArray();
        var stop = text[2] + text[3];
        var ids = session.Ids(Prompt, Long with { MinTokens = 6, StopSequences = [stop, text[5] + text[6]] });
        Assert.Equal(all[..7], ids);
        Assert.Equal((text[5] + text[6], string.Concat(text[..5])), (session.LastResult!.Stop, session.LastResult.Text));
        Assert.Equal(4, session.Ids(Prompt, Long with { MinTokens = 3, StopSequences = [stop] }).Length);
    }

    [Fact]
    public void Penalties_count_what_was_generated_and_not_the_prompt()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var first = Greedy(session)[0];
        int[] repeated = [.. Prompt.SkipLast(1), .. Enumerable.Repeat(first, 5), Prompt[^1]];
        var one = Long with { MaxTokens = 1 };
        Assert.Equal(session.Ids(repeated, one), session.Ids(repeated, one with { FrequencyPenalty = 1e6f, PresencePenalty = 1e6f }));
        Assert.Equal(30, session.Ids(Prompt, Long with { PresencePenalty = 1e6f }).Distinct().Count());
        Assert.Equal(30, session.Ids(Prompt, Long with { FrequencyPenalty = 1e6f }).Distinct().Count());
        var windowed = session.Ids(Prompt, Long with { PresencePenalty = 1e6f, RepetitionWindow = 2 });
        for (var i = 2; i < windowed.Length; i++) Assert.Equal(3, windowed[(i - 2)..(i + 1)].Distinct().Count());
    }

    [Theory, InlineData("none"), InlineData("prompt-lookup:length=4"), InlineData("auto")]
    public void Every_option_gives_the_same_tokens_with_each_drafter(string drafter)
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var options = Long with
        {
            FrequencyPenalty = 0.3f,
            PresencePenalty = 0.2f,
            RepetitionWindow = 20,
            MinTokens = 8,
            EndIds = [7, 8, 9, 10, 11],
            LogitBias = new Dictionary<int, float> { [4] = 1, [5] = float.NegativeInfinity },
            Temperature = 0.4f,
            TopK = 12,
        };
        for (var seed = 0UL; seed < 20; seed++)
        {
            var expected = session.Ids(Prompt, options with { Seed = seed });
            var drafted = session.Ids(Prompt, options with { Seed = seed, Drafter = DrafterOptions.Parse(drafter) });
            Assert.Equal(expected, drafted);
            Assert.DoesNotContain(5, drafted);
        }
    }

    [Theory]
    [InlineData(0f, 0, 0)]
    [InlineData(0f, 0, 6)]
    [InlineData(0.8f, 0, 0)]
    [InlineData(0.8f, 10, 6)]
    public void No_option_makes_a_step_allocate(float temperature, int topK, int window)
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var options = new GenerationOptions
        {
            MaxTokens = 80,
            MinTokens = 40,
            EndIds = [7, 9],
            IgnoreEos = true,
            FrequencyPenalty = 0.3f,
            PresencePenalty = 0.1f,
            RepetitionPenalty = 1.1f,
            RepetitionWindow = window,
            LogitBias = new Dictionary<int, float> { [5] = -2, [6] = float.NegativeInfinity, [7] = float.NegativeInfinity, [9] = -1e6f },
            Temperature = temperature,
            TopK = topK,
            MinP = 0.001f,
        };
        Assert.Equal(window > 0, options.CreateSampler(12, [7, 9]).Candidates > 0);
        session.Ids(Prompt, options);       // a first run, in which the runtime compiles
        Assert.Equal(0, session.AllocatedBytesPerToken(Prompt, options));
    }

    public static TheoryData<GenerationOptions, string> Bad => new()
    {
        { new() { FrequencyPenalty = float.NaN }, "FrequencyPenalty" },
        { new() { PresencePenalty = float.PositiveInfinity }, "PresencePenalty" },
        { new() { MinTokens = -1 }, "MinTokens" },
        { new() { MaxTokens = 5, MinTokens = 6 }, "MinTokens must be from 0 to MaxTokens, which is 5" },
        { new() { EndIds = [96] }, "EndIds must be for tokens 0..95" },
        { new() { EndIds = [-1] }, "EndIds" },
        { new() { LogitBias = new Dictionary<int, float> { [96] = 1 } }, "LogitBias must be for tokens 0..95" },
        { new() { LogitBias = new Dictionary<int, float> { [5] = float.NaN } }, "LogitBias must be finite or -∞ for token 5" },
        { new() { LogitBias = new Dictionary<int, float> { [5] = float.PositiveInfinity } }, "LogitBias" },
    };

    [Theory, MemberData(nameof(Bad), DisableDiscoveryEnumeration = true)]
    public void Options_out_of_range_are_refused_by_name(GenerationOptions options, string expected)
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var error = Assert.ThrowsAny<ArgumentException>(() => session.Ids([5], options));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    /// <summary>So much more than any other logit that the token is chosen wherever it is not banned.</summary>
    private static Dictionary<int, float> Force(int id) => new() { [id] = 1e6f };
}
