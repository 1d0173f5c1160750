using System.Diagnostics;
using System.Text;

namespace Coppice.Decoding;

/// <summary>Collects what a consumer takes of a generation, and makes the result.</summary>
internal sealed class GenerationRecorder(Sequence sequence, long start = 0)
{
    private readonly long _start = start == 0 ? Stopwatch.GetTimestamp() : start;
    private readonly List<int> _ids = [];
    private readonly StringBuilder _text = new();
    private TimeSpan _firstToken;

    /// <summary>Tokens that the consumer has taken.</summary>
    public int Count => _ids.Count;

    /// <summary>A token was chosen.</summary>
    public void Computed()
    {
        if (_firstToken == default) _firstToken = Stopwatch.GetElapsedTime(_start);
    }

    /// <summary>The consumer has taken the next piece.</summary>
    public void Add(GeneratedPiece piece)
    {
        _ids.Add(piece.TokenId);
        _text.Append(piece.Text);
    }

    /// <summary>Its result.</summary>
    /// <param name="reason">Why it ended.</param>
    /// <param name="text">Knows which stop ended it; null where none did.</param>
    public GenerationResult Result(FinishReason reason, TextStream? text = null)
    {
        var statistics = sequence.Statistics;
        var decode = statistics.DraftTime + statistics.VerifyTime + statistics.HostTime;
        var decoded = _ids.Count - (statistics.PrefillTime > TimeSpan.Zero ? 1 : 0);
        return new GenerationResult
        {
            FinishReason = reason,
            Stop = text?.Stop,
            StopId = reason == FinishReason.Eos ? _ids[^1] : text?.StopId,
            PromptTokens = sequence.PromptLength,
            ReusedTokens = statistics.ReusedTokens,
            Ids = _ids,
            Text = _text.ToString(),
            FirstTokenTime = _firstToken,
            PrefillTime = statistics.PrefillTime,
            DecodeTime = decode,
            Steps = statistics.Steps,
            DraftedTokens = statistics.DraftedTokens,
            AcceptedTokens = statistics.AcceptedTokens,
            DraftTime = statistics.DraftTime,
            VerifyTime = statistics.VerifyTime,
            HostTime = statistics.HostTime,
            AcceptanceByDepth = ByDepth(statistics),
            PrefillTokensPerSecond = PerSecond(statistics.PrefilledTokens, statistics.PrefillTime),
            DecodeTokensPerSecond = PerSecond(decoded, decode),
            DenyHits = sequence.Options.Constraint?.DenyHits ?? [],
            AllocatedBytesPerToken = statistics.MeasuredTokens == 0 ? 0 : (double)statistics.AllocatedBytes / statistics.MeasuredTokens,
        };
    }

    /// <summary>The result of a generation that has failed before its first pass.</summary>
    public static GenerationResult NotBegun(int promptTokens, FinishReason reason) => new()
    {
        FinishReason = reason,
        PromptTokens = promptTokens,
        ReusedTokens = 0,
        Ids = [],
        Text = "",
        FirstTokenTime = default,
        PrefillTime = default,
        DecodeTime = default,
        Steps = 0,
        DraftedTokens = 0,
        AcceptedTokens = 0,
        DraftTime = default,
        VerifyTime = default,
        HostTime = default,
        AcceptanceByDepth = [],
        PrefillTokensPerSecond = 0,
        DecodeTokensPerSecond = 0,
    };

    /// <summary>From depth 1 to the deepest that was proposed.</summary>
    private static double[] ByDepth(DecodingStatistics statistics)
    {
        var depths = statistics.ProposedByDepth.Zip(statistics.AcceptedByDepth).Skip(1).TakeWhile(depth => depth.First > 0);
        return [.. depths.Select(depth => (double)depth.Second / depth.First)];
    }

    private static double PerSecond(int count, TimeSpan time) => time > TimeSpan.Zero ? Math.Max(count, 0) / time.TotalSeconds : 0;
}
