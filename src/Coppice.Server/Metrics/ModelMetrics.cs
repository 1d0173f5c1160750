using System.Diagnostics;

namespace Coppice.Server.Metrics;

/// <summary>What a model has done for requests since the server began. Thread-safe.</summary>
internal sealed class ModelMetrics(TimeProvider time)
{
    private long _promptTokens, _generatedTokens, _reusedTokens, _prefixHits, _drafted, _accepted, _passes, _texts, _embeddedTokens;

    /// <summary>From the request of a text to its first token.</summary>
    public Histogram FirstToken { get; } = new(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60);
    /// <summary>From the request of a text to its end.</summary>
    public Histogram WholeText { get; } = new(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300);
    /// <summary>Generated tokens per second.</summary>
    public TokenRate Rate { get; } = new(time);

    public long Texts => Interlocked.Read(ref _texts);
    public long PromptTokens => Interlocked.Read(ref _promptTokens);
    public long GeneratedTokens => Interlocked.Read(ref _generatedTokens);
    public long ReusedTokens => Interlocked.Read(ref _reusedTokens);
    public long PrefixHits => Interlocked.Read(ref _prefixHits);
    public long DraftedTokens => Interlocked.Read(ref _drafted);
    public long AcceptedTokens => Interlocked.Read(ref _accepted);
    public long Passes => Interlocked.Read(ref _passes);
    public long EmbeddedTokens => Interlocked.Read(ref _embeddedTokens);

    /// <summary>A token was handed to its request.</summary>
    public void Token()
    {
        Interlocked.Increment(ref _generatedTokens);
        Rate.Add();
    }

    /// <summary>A text has ended, however it did.</summary>
    public void Ended(GenerationResult result, long start)
    {
        Interlocked.Increment(ref _texts);
        Interlocked.Add(ref _promptTokens, result.PromptTokens);
        Interlocked.Add(ref _reusedTokens, result.ReusedTokens);
        if (result.ReusedTokens > 0) Interlocked.Increment(ref _prefixHits);
        Interlocked.Add(ref _drafted, result.DraftedTokens);
        Interlocked.Add(ref _accepted, result.AcceptedTokens);
        Interlocked.Add(ref _passes, result.Steps);
        if (result.Ids.Count == 0) return;
        FirstToken.Add(result.FirstTokenTime.TotalSeconds);
        WholeText.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    /// <summary>Texts were turned into vectors.</summary>
    public void Embedded(long tokens) => Interlocked.Add(ref _embeddedTokens, tokens);
}
