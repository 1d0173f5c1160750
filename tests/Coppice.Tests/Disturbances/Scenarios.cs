using Coppice.Drafting;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Disturbances;

/// <summary>What hosts do with a model, each in a few steps, on a <see cref="Stage"/>.</summary>
internal static class Scenarios
{
    private static readonly int[] Short = TinyModel.Prompt(9, seed: 3), Long = TinyModel.Prompt(150, seed: 4);

    private static readonly Dictionary<string, Func<Stage, Task>> Plays = new()
    {
        ["session"] = stage => stage.ReadAsync(stage.NewSession(), Short, DrafterOptions.None, 3, asynchronous: false),
        ["prefill"] = PrefillAsync,
        ["two turns"] = TwoTurnsAsync,
        ["shared passes"] = SharedPassesAsync,
        ["fork"] = ForkAsync,
        ["prefix"] = PrefixAsync,
        ["save and load"] = SaveAndLoadAsync,
        ["logits"] = LogitsAsync,
        ["scores"] = ScoresAsync,
        ["many scores"] = ManyScoresAsync,
    };

    /// <summary>All of them: those above, and a text with each drafter.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Plays.Keys, .. AllDrafters.Names.Select(row => $"drafter {row.Data}")];

    /// <summary>Whether there are sessions in it, or only a scorer.</summary>
    public static bool HasSessions(string name) => !name.EndsWith("scores", StringComparison.Ordinal) && name != "logits";

    /// <summary>Plays <paramref name="name"/>.</summary>
    public static Task PlayAsync(string name, Stage stage) =>
        Plays.TryGetValue(name, out var play) ? play(stage) : DraftAsync(name["drafter ".Length..], stage);

    private static Task DraftAsync(string name, Stage stage) =>
        stage.ReadAsync(stage.NewSession(), Short, AllDrafters.Parse(name, stage.Folders), 14, asynchronous: name.Length % 2 == 0);

    private static async Task PrefillAsync(Stage stage)
    {
        var session = stage.NewSession();
        var done = new Progress();
        try
        {
            await session.PrefillAsync(Long, done, stage.Cancellation);
        }
        catch
        {
            Assert.InRange(done.Most, 0, Long.Length);
            throw;
        }
        Assert.Equal(Long.Length, done.Most);
        Assert.Equal(Long, session.Tokens);
        await stage.ReadAsync(session, Long, DrafterOptions.None, 2, asynchronous: true);
    }

    private static async Task TwoTurnsAsync(Stage stage)
    {
        var session = stage.NewSession();
        await stage.ReadAsync(session, Short, DrafterOptions.None, 5, asynchronous: true);
        await stage.ReadAsync(session, [.. session.Tokens, 7, 8], DrafterOptions.None, 5, asynchronous: true);
        session.Reset();
        await stage.ReadAsync(session, Long, DrafterOptions.None, 2, asynchronous: false);
    }

    private static async Task SharedPassesAsync(Stage stage)
    {
        var suffix = DrafterOptions.Parse("suffix:guard=false");
        Task[] readers =
        [
            stage.ReadAsync(stage.NewSession(), Long, DrafterOptions.None, 6, asynchronous: true),
            stage.ReadAsync(stage.NewSession(), Short, suffix, 10, asynchronous: true),
            stage.ReadAsync(stage.NewSession(), Long[..70], DrafterOptions.None, 10, asynchronous: true),
        ];
        await Task.WhenAll(readers);
    }

    private static async Task ForkAsync(Stage stage)
    {
        var session = stage.NewSession();
        await stage.ReadAsync(session, Long[..70], DrafterOptions.None, 3, asynchronous: false);
        int[] tokens = [.. session.Tokens];
        var fork = stage.Own(session.Fork());
        Assert.Equal(tokens, fork.Tokens);
        await stage.ReadAsync(fork, [.. tokens, 5], DrafterOptions.None, 4, asynchronous: true);
        await stage.ReadAsync(session, [.. tokens, 6], DrafterOptions.None, 4, asynchronous: false);
        var second = stage.Own(fork.Fork());
        fork.Dispose();
        await stage.ReadAsync(second, [.. tokens, 5], DrafterOptions.None, 4, asynchronous: false);
    }

    private static async Task PrefixAsync(Stage stage)
    {
        await stage.ReadAsync(stage.NewSession(), Long, DrafterOptions.None, 2, asynchronous: false);
        var second = stage.NewSession();
        await stage.ReadAsync(second, Long, DrafterOptions.None, 4, asynchronous: true);
        Assert.Equal(128, second.LastResult!.ReusedTokens);
        await stage.ReadAsync(second, [.. Long[..100], 3], DrafterOptions.None, 4, asynchronous: true);
    }

    private static async Task SaveAndLoadAsync(Stage stage)
    {
        var session = stage.NewSession();
        using var file = new TemporaryFile();
        await stage.ReadAsync(session, Long, DrafterOptions.None, 3, asynchronous: false);
        int[] tokens = [.. session.Tokens];
        try
        {
            await session.SaveAsync(file.Path, stage.Cancellation);
        }
        catch
        {
            Assert.Empty(Directory.GetFileSystemEntries(Path.GetDirectoryName(file.Path)!));
            throw;
        }
        Assert.Single(Directory.GetFileSystemEntries(Path.GetDirectoryName(file.Path)!));
        var other = stage.NewSession();
        await stage.ReadAsync(other, Short, DrafterOptions.None, 3, asynchronous: false);
        int[] before = [.. other.Tokens];
        try
        {
            await other.LoadAsync(file.Path, stage.Cancellation);
        }
        catch
        {
            Assert.Equal(before, other.Tokens);
            throw;
        }
        Assert.Equal(tokens, other.Tokens);
        await stage.ReadAsync(other, [.. tokens, 9], DrafterOptions.None, 3, asynchronous: true);
        await stage.ReadAsync(session, [.. tokens, 9], DrafterOptions.None, 3, asynchronous: true);
    }

    private static Task LogitsAsync(Stage stage)
    {
        using var scorer = new Scorer(stage.Model);
        var (next, sum) = (0, 0.0);
        scorer.Logits(Long, (first, logits) =>
        {
            Assert.Equal(next, first);
            next += logits.Length / stage.Model.VocabularySize;
            sum += logits[0];
        }, stage.Cancellation);
        Assert.Equal(Long.Length, next);
        return Task.CompletedTask;
    }

    private static Task ScoresAsync(Stage stage)
    {
        using var scorer = new Scorer(stage.Model);
        stage.CheckScores(Short, Long, scorer.LogProbabilities(new ScoredText(Short, Long), stage.Cancellation));
        stage.CheckScores([], Short, [.. scorer.NegativeLogLikelihoods(Short, null, stage.Cancellation).Select(nats => -nats)]);
        return Task.CompletedTask;
    }

    private static async Task ManyScoresAsync(Stage stage)
    {
        using var scorer = new Scorer(stage.Model);
        ScoredText[] texts = [new(Short, Long), new([], Short), new(Long[..30], Short), new([], Long[..64])];
        var scores = await scorer.LogProbabilitiesAsync(texts, stage.Cancellation);
        for (var i = 0; i < texts.Length; i++) stage.CheckScores([.. texts[i].Prompt], [.. texts[i].Text], scores[i]);
    }

    private sealed class Progress : IProgress<PrefillProgress>
    {
        public int Most { get; private set; }

        public void Report(PrefillProgress value)
        {
            Assert.InRange(value.Tokens, Most, value.Total);
            Most = value.Tokens;
        }
    }
}
