using Coppice.Decoding;
using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Execution;
using Coppice.Models;

namespace Coppice.Bench.Drafters;

/// <summary>Milliseconds of a pass of so many rows.</summary>
internal sealed record CurvePoint(int Rows, double Milliseconds, double Ratio);

/// <summary>How long decoding passes take by their number of rows: the shortest of several, in turns.</summary>
internal static class PassCurve
{
    private const int Context = 256, Rounds = 7;
    private static readonly int[] Sizes = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 24, 32, 48, 64, 81];

    /// <summary>The curve behind a context of 256 tokens, the head over every row counted.</summary>
    public static CurvePoint[] Measure(LanguageModel model)
    {
        using var workspace = new Workspace(model.Backend, model.Spec, model.Size);
        var (cache, pool) = model.NewCache(Context + 2);
        using (pool)
        using (cache)
        {
            var loop = new DecodingLoop(model.Transformer, model.Gate, cache, workspace, Context + 2, model.MaxTokens, new PassCosts());
            loop.Begin([.. Enumerable.Range(0, Context).Select(i => (int)((i * 7919L + 12345) % model.VocabularySize))], Options());
            while (loop.Tokens.Length == Context) loop.Step();
            var shortest = Sizes.ToDictionary(rows => rows, _ => double.PositiveInfinity);
            for (var round = 0; round < Rounds; round++)
            {
                foreach (var rows in Sizes) shortest[rows] = Math.Min(shortest[rows], loop.TimePass(rows).TotalMilliseconds);
            }
            return [.. Sizes.Select(rows => new CurvePoint(rows, shortest[rows], shortest[rows] / shortest[1]))];
        }
    }

    private static DecodingOptions Options() =>
        new(new Decoding.Sampling.Sampler([], greedy: true, 0), new NoDrafter(), new StopRule(1, []), null);
}
