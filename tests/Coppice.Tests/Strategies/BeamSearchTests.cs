using Coppice.Constraints;
using Coppice.Decoding.Strategies;
using Coppice.Drafting;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Strategies;

/// <summary>Beam search of a session against a search that runs the model anew for every beam.</summary>
public sealed class BeamSearchTests : IDisposable
{
    private const int Vocabulary = 7, End = 1;
    private static readonly string Config =
        TinyModel.Llama.Replace("\"vocab_size\": 96", $"\"vocab_size\": {Vocabulary}", StringComparison.Ordinal);

    private static readonly GenerationOptions Changing =
        new() { Temperature = 1.7f, RepetitionPenalty = 1.3f, DryMultiplier = 0.4f, DryAllowedLength = 1 };

    private static readonly GenerationOptions[] Greedy =
        [new() { MaxTokens = 20 }, new() { MaxTokens = 20, MinTokens = 6 }, new() { MaxTokens = 20, RepetitionPenalty = 1.4f }];

    private readonly TinyModel _folder = new(Config);

    public static TheoryData<int, double, EarlyStopping> Settings => new()
    {
        { 2, 1, EarlyStopping.False }, { 3, 1, EarlyStopping.True }, { 4, 1, EarlyStopping.Never }, { 3, 0, EarlyStopping.False },
        { 4, 2, EarlyStopping.False }, { 4, 2, EarlyStopping.Never }, { 5, 0.5, EarlyStopping.True }, { 3, -1, EarlyStopping.Never },
    };

    public void Dispose() => _folder.Dispose();

    [Theory, MemberData(nameof(Settings))]
    public void Beams_are_those_of_a_search_that_shares_nothing(int beams, double lengthPenalty, EarlyStopping stopping)
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        for (var seed = 0; seed < 5; seed++)
        {
            var prompt = TinyModel.Prompt(5 + seed, seed, Vocabulary);
            var strategy = new BeamSearchOptions { Beams = beams, LengthPenalty = lengthPenalty, EarlyStopping = stopping };
            foreach (var options in (GenerationOptions[])[new(), Changing])
            {
                var asked = options with { MaxTokens = 8, Strategy = strategy };
                var expected = Search(model, prompt, asked, strategy);
                var ids = session.Ids(prompt, asked);
                var found = session.LastResult!.Sequences;
                Assert.Equal(expected.Select(beam => Key(beam.Ids)), found.Select(sequence => Key(sequence.Ids)));
                foreach (var (one, other) in expected.Zip(found))
                {
                    Assert.Equal(one.Score, other.LogProbability, 1e-4);
                    Assert.Equal(one.Score / Math.Pow(one.Ids.Length, lengthPenalty), other.Score, 1e-4);
                    Assert.Equal(other.Ids[^1] == End ? FinishReason.Eos : FinishReason.Length, other.FinishReason);
                }
                Assert.Equal(expected[0].Ids, ids);
                Assert.Equal((int[])[.. prompt, .. ids], session.Tokens);
            }
        }
    }

    [Fact]
    public void One_beam_is_greedy_decoding()
    {
        using var model = _folder.Load();
        using var plain = model.NewSession();
        using var session = model.NewSession();
        for (var seed = 0; seed < 12; seed++)
        {
            var prompt = TinyModel.Prompt(4 + seed, seed, Vocabulary);
            foreach (var stopping in Enum.GetValues<EarlyStopping>())
            {
                foreach (var options in Greedy)
                {
                    var expected = plain.Ids(prompt, options);
                    var strategy = new BeamSearchOptions { Beams = 1, EarlyStopping = stopping };
                    Assert.Equal(expected, session.Ids(prompt, options with { Strategy = strategy }));
                    Assert.Equal(plain.LastResult!.FinishReason, session.LastResult!.FinishReason);
                }
            }
        }
    }

    /// <summary>A: sum -4 of 4 tokens; B: -5 of 6.</summary>
    [Fact]
    public void The_length_penalty_says_which_of_two_is_better()
    {
        var (a, b) = (new ScoredDraft(new int[4], -4, null), new ScoredDraft(new int[6], -5, null));
        Assert.True(a.Normalized(0) > b.Normalized(0));
        Assert.Equal((-1, -5 / 6.0), (a.Normalized(1), b.Normalized(1)));
        Assert.True(b.Normalized(1) > a.Normalized(1));
        Assert.True(b.Normalized(2) > a.Normalized(2));
    }

    [Fact]
    public void All_beams_take_one_prefill_and_a_pass_a_step()
    {
        using var folder = new TinyModel();
        using var model = folder.Load();
        using var session = model.NewSession();
        var passes = model.Runner.Pass;
        session.Ids(TinyModel.Prompt(60), new() { MaxTokens = 12, IgnoreEos = true, Strategy = new BeamSearchOptions { Beams = 6 } });
        Assert.Equal(12, model.Runner.Pass - passes);
        Assert.Equal(60, session.LastResult!.PromptTokens);
        // The next turn goes on from the prompt's keys and values.
        session.Ids([.. session.Tokens, 5], new() { MaxTokens = 1 });
        Assert.True(session.LastResult!.ReusedTokens >= 60, $"{session.LastResult.ReusedTokens}");
    }

    [Fact]
    public void A_reader_who_goes_leaves_what_was_read()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var prompt = TinyModel.Prompt(9, 2, Vocabulary);
        var options = new GenerationOptions { MaxTokens = 10, IgnoreEos = true, Strategy = new BeamSearchOptions { Beams = 3 } };
        var all = session.Ids(prompt, options);
        foreach (var piece in session.Generate(prompt, options, TestContext.Current.CancellationToken))
        {
            Assert.Equal([.. prompt, piece.TokenId], session.Tokens);
            break;
        }
        Assert.Equal([.. prompt, all[0]], session.Tokens);
        Assert.Equal((FinishReason.Cancelled, 1), (session.LastResult!.FinishReason, session.LastResult.Ids.Count));
        Assert.Equal(all, session.Ids(prompt, options));
    }

    [Fact]
    public void A_drafter_takes_no_part()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var prompt = TinyModel.Prompt(9, 2, Vocabulary);
        var options = new GenerationOptions { MaxTokens = 10, Strategy = new BeamSearchOptions() };
        Assert.Equal(session.Ids(prompt, options), session.Ids(prompt, options with { Drafter = DrafterOptions.Parse("auto") }));
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        foreach (var options in (GenerationOptions[])[new() { LogProbs = 1 }, new() { DenyPolicy = DenyPolicy.Backtrack }])
        {
            var error = Assert.Throws<ArgumentException>(() => session.Ids([2, 3], options with { Strategy = new BeamSearchOptions() }));
            Assert.Contains("and the strategy beam exclude each other", error.Message, StringComparison.Ordinal);
        }
        session.Dispose();
        Assert.Throws<ObjectDisposedException>(() => session.Ids([2, 3], new() { Strategy = new BeamSearchOptions() }));
    }

    private sealed record Beam(int[] Ids, double Score);

    /// <summary>Beam search as transformers does it, by the whole text of every beam for every row.</summary>
    private static Beam[] Search(LanguageModel model, int[] prompt, GenerationOptions options, BeamSearchOptions beam)
    {
        double Final(Beam one) => one.Score / Math.Pow(one.Ids.Length, beam.LengthPenalty);
        List<Beam> alive = [new([], 0)];
        var ended = new List<Beam>();
        var settled = false;
        for (var length = 1; length <= options.MaxTokens && alive.Count > 0 && !settled; length++)
        {
            var all = new List<(Beam Beam, bool Ends)>();
            foreach (var one in alive)
            {
                var row = Row(model, [.. prompt, .. one.Ids], options);
                for (var id = 0; id < Vocabulary; id++) all.Add((new Beam([.. one.Ids, id], one.Score + row[id]), id == End));
            }
            var ranked = all.OrderByDescending(item => item.Beam.Score).ToArray();
            var ending = ranked.Take(beam.Beams).Where(item => item.Ends).Select(item => item.Beam);
            ended = [.. ended.Concat(ending).OrderByDescending(Final).Take(beam.Beams)];
            alive = [.. ranked.Where(item => !item.Ends).Take(beam.Beams).Select(item => item.Beam)];
            if (ended.Count < beam.Beams) continue;
            var longest = beam.EarlyStopping == EarlyStopping.Never && beam.LengthPenalty > 0 ? options.MaxTokens : length;
            settled = beam.EarlyStopping == EarlyStopping.True
                || alive[0].Score / Math.Pow(longest, beam.LengthPenalty) <= ended.Min(Final);
        }
        return settled ? [.. ended] : [.. alive.Concat(ended).OrderByDescending(Final).Take(beam.Beams)];
    }

    /// <summary>Logarithms of what follows some tokens, penalties and temperature in double precision.</summary>
    private static double[] Row(LanguageModel model, int[] tokens, GenerationOptions options)
    {
        var logits = Logits.Of(model, tokens)[^Vocabulary..].Select(logit => (double)logit).ToArray();
        for (var id = 0; id < Vocabulary; id++)
        {
            if (options.RepetitionPenalty != 1 && tokens.Contains(id))
                logits[id] = logits[id] > 0 ? logits[id] / options.RepetitionPenalty : logits[id] * options.RepetitionPenalty;
            if (options.DryMultiplier > 0) logits[id] -= Dry(tokens, id, options);
            if (options.Temperature > 0) logits[id] /= options.Temperature;
        }
        var sum = Math.Log(logits.Sum(Math.Exp));
        return [.. logits.Select(logit => logit - sum)];
    }

    private static double Dry(int[] tokens, int id, GenerationOptions options)
    {
        var longest = 0;
        for (var at = 1; at < tokens.Length; at++)
        {
            var length = 0;
            while (tokens[at] == id && length < at && tokens[at - 1 - length] == tokens[^(length + 1)]) length++;
            longest = Math.Max(longest, length);
        }
        return longest < options.DryAllowedLength
            ? 0
            : options.DryMultiplier * Math.Pow(options.DryBase, longest - options.DryAllowedLength);
    }

    private static string Key(IEnumerable<int> ids) => string.Join(' ', ids);
}
