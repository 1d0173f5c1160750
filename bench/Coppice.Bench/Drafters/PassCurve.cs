namespace Coppice.Bench.Drafters;

/// <summary>Milliseconds of a pass by its rows.</summary>
internal sealed record CurvePoint(int Rows, double Milliseconds, double Ratio);

/// <summary>How long decoding passes take by their number of rows: the shortest of several, in turns.</summary>
internal static class PassCurve
{
    private const int Context = 256, Rounds = 7;
    private static readonly int[] Sizes = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 24, 32, 48, 64, 81];

    /// <summary>The curve after a context of 256 tokens, the head over every row counted.</summary>
    public static CurvePoint[] Measure(LanguageModel model)
    {
        using var session = model.NewSession(new SessionOptions { SharePrefixes = false });
        int[] prompt = [.. Enumerable.Range(0, Context).Select(i => (int)((i * 7919L + 12345) % model.VocabularySize))];
        foreach (var _ in session.Generate(prompt, new GenerationOptions { MaxTokens = 1, IgnoreEos = true })) { }
        var shortest = Sizes.ToDictionary(rows => rows, _ => double.PositiveInfinity);
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var rows in Sizes) shortest[rows] = Math.Min(shortest[rows], session.TimePass(rows).TotalMilliseconds);
        }
        return [.. Sizes.Select(rows => new CurvePoint(rows, shortest[rows], shortest[rows] / shortest[1]))];
    }
}
