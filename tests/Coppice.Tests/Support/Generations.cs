using Xunit;

namespace Coppice.Tests.Support;

/// <summary>Generates to the end.</summary>
internal static class Generations
{
    public static int[] Ids(this Session session, IReadOnlyList<int> prompt, GenerationOptions? options = null) =>
        [.. session.Pieces(prompt, options).Select(p => p.TokenId)];

    public static string Text(this Session session, IReadOnlyList<int> prompt, GenerationOptions? options = null) =>
        string.Concat(session.Pieces(prompt, options).Select(p => p.Text));

    public static int[] Greedy(this Session session, IReadOnlyList<int> prompt, int tokens) =>
        session.Ids(prompt, new GenerationOptions { MaxTokens = tokens });

    public static List<GeneratedPiece> Pieces(this Session session, IReadOnlyList<int> prompt, GenerationOptions? options = null) =>
        [.. session.Generate(prompt, options, TestContext.Current.CancellationToken)];

    /// <summary>
    /// Managed bytes that a token takes after the first steps, the least of a few runs: a collection that another thread's allocations
    /// bring about charges the rest of a thread's page.
    /// </summary>
    public static double AllocatedBytesPerToken(this Session session, IReadOnlyList<int> prompt, GenerationOptions options)
    {
        var least = double.PositiveInfinity;
        for (var run = 0; run < 5 && least > 0; run++)
        {
            session.Ids(prompt, options);
            least = Math.Min(least, session.LastResult!.AllocatedBytesPerToken);
        }
        return least;
    }
}
