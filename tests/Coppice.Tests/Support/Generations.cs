using Xunit;

namespace Coppice.Tests.Support;

/// <summary>Generates to the end.</summary>
internal static class Generations
{
    public static int[] Ids(this Session session, IReadOnlyList<int> prompt, GenerationOptions? options = null) =>
        [.. session.Pieces(prompt, options).Select(p => p.TokenId)];

    public static int[] Greedy(this Session session, IReadOnlyList<int> prompt, int tokens) =>
        session.Ids(prompt, new GenerationOptions { MaxTokens = tokens });

    public static List<GeneratedPiece> Pieces(this Session session, IReadOnlyList<int> prompt, GenerationOptions? options = null) =>
        [.. session.Generate(prompt, options, TestContext.Current.CancellationToken)];
}
