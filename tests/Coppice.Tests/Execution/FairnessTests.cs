using Coppice.Drafting;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Execution;

/// <summary>Who is served when, counted in passes: no clock decides any of it.</summary>
public sealed class FairnessTests : IDisposable
{
    /// <summary>As <see cref="ScheduleTests.Config"/>, with room for a long prompt.</summary>
    private const string Config = """
        {"model_type": "llama", "vocab_size": 96, "hidden_size": 16, "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 24,
         "num_hidden_layers": 1, "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "tie_word_embeddings": false, "eos_token_id": 1}
        """;

    private const int PromptTokens = 4000, LeastChunk = 8, Rows = 512;

    private readonly TinyModel _folder = new(Config);
    private readonly List<PlainParticipant> _participants = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0, PromptTokens / LeastChunk + 4)]      // as little of the prompt in a pass as there may be
    [InlineData(600_000, PromptTokens / (Rows - 4) + 1)]        // as much as fits
    public void Four_sequences_that_decode_have_a_token_of_every_pass_while_a_long_prompt_runs(int milliseconds, int most)
    {
        using var model = Load(places: 8, milliseconds);
        var decoders = Decoding(model, 4);
        var prompt = Add(new PlainParticipant(model, PromptTokens) { IsPrompt = true });
        model.Scheduler.Advance(prompt);
        Assert.Equal((null, 0), (prompt.Error, prompt.Left));
        Assert.Equal(PromptTokens, prompt.Passes.Sum(pass => pass.Rows));
        Assert.All(prompt.Passes.SkipLast(1), pass => Assert.InRange(pass.Rows, LeastChunk, Rows - 4));
        var (first, last) = (prompt.Passes[0].Pass, prompt.Passes[^1].Pass);
        Assert.Equal(prompt.Passes.Count, last - first + 1);        // no pass without it either
        Assert.InRange(prompt.Passes.Count, 1, most);
        foreach (var decoder in decoders)
        {
            Assert.Equal(Range(first, last), decoder.Passes.Where(pass => pass.Pass >= first).Select(pass => pass.Pass));
        }
        End(model);
    }

    [Fact]
    public async Task Their_texts_and_that_of_the_prompt_are_those_that_they_have_alone()
    {
        using var model = Load(places: 8, milliseconds: 0);
        var prompts = Enumerable.Range(0, 5).Select(i => TinyModel.Prompt(i < 4 ? 20 + i : PromptTokens, seed: i)).ToArray();
        var alone = new int[5][];
        for (var i = 0; i < 5; i++)
        {
            using var session = model.NewSession(new SessionOptions { SharePrefixes = false });
            alone[i] = session.Ids(prompts[i], Endless(i < 4 ? 400 : 5));
        }
        var sessions = prompts.Select(_ => model.NewSession(new SessionOptions { SharePrefixes = false })).ToArray();
        var texts = await Task.WhenAll(sessions.Select((session, i) => ReadAsync(session, prompts[i], i < 4 ? 400 : 5)));
        Assert.Equal(alone, texts);
        foreach (var session in sessions) session.Dispose();
    }

    [Fact]
    public void A_short_prompt_does_not_wait_for_a_long_one()
    {
        using var model = Load(places: 8, milliseconds: 0);
        Decoding(model, 1);
        var slow = Add(new PlainParticipant(model, PromptTokens) { IsPrompt = true, Limit = model.Runner.Pass + 20 });
        model.Scheduler.Advance(slow);
        var begin = model.Runner.Pass;
        var quick = Add(new PlainParticipant(model, 3 * LeastChunk) { IsPrompt = true });
        model.Scheduler.Advance(quick);
        Assert.Equal(0, quick.Left);
        Assert.InRange(model.Runner.Pass - begin, 1, 3 * 2);        // every other pass at least
        End(model);
    }

    [Fact]
    public void Prompts_of_one_priority_take_turns()
    {
        using var model = Load(places: 16, milliseconds: 0);
        Decoding(model, 1);
        var prompts = Enumerable.Range(0, 6).Select(_ => Add(new PlainParticipant(model, 10 * LeastChunk) { IsPrompt = true })).ToArray();
        var begin = model.Runner.Pass;
        foreach (var prompt in prompts)
        {
            prompt.Limit = 0;
            model.Scheduler.Advance(prompt);        // has its place, and runs no pass of its own
        }
        Together(model, prompts);
        foreach (var prompt in prompts) AssertNoGapBeyond(prompts.Length, begin, prompt);
        End(model);
    }

    [Fact]
    public void More_sequences_than_rows_take_turns_and_the_important_ones_miss_none()
    {
        using var model = Load(places: 256, milliseconds: 0, rows: 96);
        var rows = model.Runner.Size.Rows;
        var important = Decoding(model, 10, priority: 1);
        var others = Decoding(model, 200);
        var begin = model.Runner.Pass;
        others[0].Limit = begin + 60;
        model.Scheduler.Advance(others[0]);
        foreach (var one in important) Assert.Equal(60, one.Passes.Count(pass => pass.Pass > begin));
        var turn = (others.Length + rows - 11) / (rows - 10);
        foreach (var one in others) AssertNoGapBeyond(turn, begin, one);
        End(model);
    }

    [Fact]
    public void Places_go_by_priority_and_then_by_arrival()
    {
        using var model = Load(places: 1, milliseconds: 0);
        int[] priorities = [0, 5, 1, 5, 0, 1, -3];
        var holder = Add(new PlainParticipant(model, 1) { Limit = model.Runner.Pass + 3 });
        model.Scheduler.Advance(holder);
        var queue = priorities.Select(priority => Add(new PlainParticipant(model, 1) { Priority = priority, MostPasses = 4 })).ToArray();
        foreach (var one in queue) model.Scheduler.Demand(one);
        model.Scheduler.Withdraw(holder);
        model.Scheduler.Advance(queue[^1]);     // the last of all
        var order = queue.OrderBy(one => one.Passes[0].Pass).Select(one => Array.IndexOf(queue, one));
        Assert.Equal([1, 3, 2, 5, 0, 4, 6], order);
        Assert.All(queue[..^1], one => Assert.Equal(3, one.Passes[^1].Pass - one.Passes[0].Pass));      // who has the place keeps it
        End(model);
    }

    [Fact]
    public async Task A_request_that_is_cancelled_in_the_queue_leaves_it()
    {
        using var model = Load(places: 1, milliseconds: 0, queue: 3);
        var holder = Decoding(model, 1)[0];     // has the place and keeps it
        for (var round = 0; round < 10; round++)
        {
            using var source = new CancellationTokenSource();
            var waiting = Enumerable.Range(0, 3).Select(i => model.NewSession()).ToArray();
            var readers = waiting.Select((session, i) => Task.Run(
                () => ReadAsync(session, TinyModel.Prompt(9, seed: i), 5, source.Token), Cancellation)).ToArray();
            while (model.Scheduler.Load < 4 && !readers.Any(reader => reader.IsCompleted)) await Task.Yield();
            await source.CancelAsync();
            foreach (var reader in readers) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reader);
            Assert.All(waiting, session => Assert.Equal(FinishReason.Cancelled, session.LastResult!.FinishReason));
            Assert.InRange(model.Scheduler.Load, 0, 1);
            foreach (var session in waiting) session.Dispose();
        }
        Assert.Null(holder.Error);
        End(model);
    }

    private LanguageModel Load(int places, int milliseconds, int rows = Rows, int queue = 1024) => _folder.Load(new ModelOptions
    {
        Device = "cpu",
        Threads = 1,
        ContextLength = 4200,
        MaxSequences = places,
        MaxQueued = queue,
        PrefillChunk = rows,
        TokenDelay = TimeSpan.FromMilliseconds(milliseconds),
        KvCache = new() { SharedTokens = 64 * 300 },
    });

    private static GenerationOptions Endless(int tokens) => new() { MaxTokens = tokens, IgnoreEos = true, Drafter = DrafterOptions.None };

    private static async Task<int[]> ReadAsync(Session session, int[] prompt, int tokens, CancellationToken? cancellation = null)
    {
        var ids = new List<int>();
        await foreach (var piece in session.GenerateAsync(prompt, Endless(tokens), cancellation ?? Cancellation)) ids.Add(piece.TokenId);
        return [.. ids];
    }

    private PlainParticipant Add(PlainParticipant participant)
    {
        _participants.Add(participant);
        return participant;
    }

    /// <summary>Sequences that have had their first pass.</summary>
    private PlainParticipant[] Decoding(LanguageModel model, int count, int priority = 0)
    {
        var decoders = Enumerable.Range(0, count).Select(_ => Add(new PlainParticipant(model, 1) { Priority = priority })).ToArray();
        foreach (var decoder in decoders) model.Scheduler.Advance(decoder);
        return decoders;
    }

    private static void Together(LanguageModel model, PlainParticipant[] participants)
    {
        foreach (var participant in participants)
        {
            participant.Limit = long.MaxValue;
            model.Scheduler.Advance(participant);
        }
    }

    private static IEnumerable<long> Range(long first, long last) => Enumerable.Range(0, (int)(last - first + 1)).Select(i => first + i);

    /// <summary>From one pass with it to the next, and from <paramref name="begin"/> to its first.</summary>
    private static void AssertNoGapBeyond(int most, long begin, PlainParticipant participant)
    {
        var last = begin;
        foreach (var (pass, _) in participant.Passes.Where(pass => pass.Pass > begin))
        {
            Assert.InRange(pass - last, 1, most);
            last = pass;
        }
        Assert.True(last > begin);
    }

    private void End(LanguageModel model)
    {
        foreach (var participant in _participants)
        {
            model.Scheduler.Withdraw(participant);
            participant.Dispose();
        }
    }
}
