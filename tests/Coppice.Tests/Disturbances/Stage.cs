using Coppice.Drafting;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Disturbances;

/// <summary>Where a scenario plays: sessions and scorers of one model, in a scope of their own, all disposed at the end.</summary>
/// <remarks>
/// What is read is compared with what the model gives undisturbed, token for token, and the session is looked at when a call fails: the
/// result says why, and the session holds what was read and no more.
/// </remarks>
internal sealed class Stage(LanguageModel model, UndisturbedModel undisturbed, CancellationToken cancellation) : IDisposable
{
    private readonly CacheScope _scope = new("stage");
    private readonly List<IDisposable> _owned = [];

    /// <summary>The model.</summary>
    public LanguageModel Model => model;
    /// <summary>Cancelled where the scenario is to be cancelled.</summary>
    public CancellationToken Cancellation => cancellation;
    /// <summary>The model's folder, with that of a model that proposes tokens for it, and those of its heads.</summary>
    public ModelPair Folders => undisturbed.Folders;
    /// <summary>The first session that was created: the one that is disposed where one is to be.</summary>
    public Session? First { get; private set; }

    /// <summary>A session of this scope.</summary>
    public Session NewSession()
    {
        var session = Own(model.NewSession(new SessionOptions { Scope = _scope }));
        First ??= session;
        return session;
    }

    /// <summary>Disposes <paramref name="thing"/> at the end.</summary>
    public T Own<T>(T thing) where T : IDisposable
    {
        _owned.Add(thing);
        return thing;
    }

    /// <summary>Generates and compares.</summary>
    public async Task ReadAsync(Session session, int[] prompt, DrafterOptions drafter, int tokens, bool asynchronous)
    {
        var expected = undisturbed.Text(prompt, tokens);
        var options = new GenerationOptions { MaxTokens = tokens, IgnoreEos = true, Drafter = drafter };
        var ids = new List<int>();
        // What these refuse has not begun, and leaves no result.
        var later = asynchronous ? session.GenerateAsync(prompt, options, cancellation) : null;
        var now = asynchronous ? null : session.Generate(prompt, options, cancellation);
        try
        {
            if (later is not null)
            {
                await foreach (var piece in later) ids.Add(piece.TokenId);
            }
            else
            {
                foreach (var piece in now!) ids.Add(piece.TokenId);
            }
        }
        catch (Exception error)
        {
            Assert.Equal(expected[..ids.Count], ids);
            var result = session.LastResult;
            Assert.NotNull(result);
            var reason = error is OperationCanceledException or ObjectDisposedException ? FinishReason.Cancelled : FinishReason.Error;
            Assert.Equal(reason, result.FinishReason);
            Assert.Equal(ids, result.Ids);
            if (ids.Count > 0) Assert.Equal([.. prompt, .. ids], session.Tokens);
            throw;
        }
        Assert.Equal(expected, ids);
        Assert.Equal([.. prompt, .. ids], session.Tokens);
    }

    /// <summary>Compares scores.</summary>
    public void CheckScores(int[] prompt, int[] text, IReadOnlyList<double> scores) =>
        Assert.Equal(undisturbed.Scores(prompt, text), scores);

    public void Dispose()
    {
        foreach (var owned in _owned) owned.Dispose();
    }
}

/// <summary>What the model of a folder gives where nothing goes wrong.</summary>
internal sealed class UndisturbedModel(LanguageModel model, ModelPair folders) : IDisposable
{
    private readonly Dictionary<string, int[]> _texts = [];
    private readonly Dictionary<string, double[]> _scores = [];

    public ModelPair Folders => folders;

    public int[] Text(int[] prompt, int tokens)
    {
        lock (_texts)
        {
            var key = $"{tokens}: {string.Join(' ', prompt)}";
            if (_texts.TryGetValue(key, out var text)) return text;
            using var session = model.NewSession();
            return _texts[key] = session.Ids(prompt, new GenerationOptions { MaxTokens = tokens, IgnoreEos = true });
        }
    }

    public double[] Scores(int[] prompt, int[] text)
    {
        lock (_scores)
        {
            var key = $"{prompt.Length}: {string.Join(' ', prompt)} {string.Join(' ', text)}";
            if (_scores.TryGetValue(key, out var scores)) return scores;
            using var scorer = new Scorer(model);
            return _scores[key] = [.. scorer.LogProbabilities(new ScoredText(prompt, text), TestContext.Current.CancellationToken)];
        }
    }

    public void Dispose() => model.Dispose();
}
