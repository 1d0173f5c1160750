using System.Diagnostics;
using System.Text;

namespace Coppice.Decoding;

/// <summary>Collects what a generation gives and makes its result.</summary>
internal sealed class GenerationRecorder(DecodingLoop loop, int promptTokens)
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly List<int> _ids = [];
    private readonly StringBuilder _text = new();
    private TimeSpan _firstToken;

    /// <summary>Why it ended, or null while it goes on.</summary>
    public FinishReason? FinishReason { get; private set; }

    /// <summary>Takes the next piece, which ends the generation if <paramref name="reason"/> is given.</summary>
    public void Add(GeneratedPiece piece, FinishReason? reason)
    {
        if (_ids.Count == 0) _firstToken = Stopwatch.GetElapsedTime(_start);
        _ids.Add(piece.TokenId);
        _text.Append(piece.Text);
        FinishReason = reason;
    }

    /// <summary>What it came to; cancelled where nothing ended it.</summary>
    public GenerationResult Result()
    {
        var statistics = loop.Statistics;
        var decode = statistics.DraftTime + statistics.VerifyTime + statistics.HostTime;
        var decoded = _ids.Count - (statistics.PrefillTime > TimeSpan.Zero ? 1 : 0);
        return new GenerationResult
        {
            FinishReason = FinishReason ?? Coppice.FinishReason.Cancelled,
            PromptTokens = promptTokens,
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
            AllocatedBytesPerToken = statistics.MeasuredTokens == 0 ? 0 : (double)statistics.AllocatedBytes / statistics.MeasuredTokens,
        };
    }

    /// <summary>From depth 1 to the deepest that was proposed.</summary>
    private static double[] ByDepth(DecodingStatistics statistics)
    {
        var depths = statistics.ProposedByDepth.Zip(statistics.AcceptedByDepth).Skip(1).TakeWhile(depth => depth.First > 0);
        return [.. depths.Select(depth => (double)depth.Second / depth.First)];
    }

    private static double PerSecond(int count, TimeSpan time) => time > TimeSpan.Zero ? Math.Max(count, 0) / time.TotalSeconds : 0;
}
