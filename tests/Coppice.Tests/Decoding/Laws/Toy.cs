using Coppice.Decoding.Verification;

namespace Coppice.Tests.Decoding.Laws;

/// <summary>Two table models over a few tokens, a target and a draft, whose distributions depend on the tokens since the root.</summary>
internal sealed class Toy(int vocabulary, Func<int[], Rational[]> target, Func<int[], Rational[]> draft)
{
    /// <summary>One node: the specification's example of one level; every level is the same.</summary>
    public static Toy OneLevel { get; } = new(4, _ => Rational.List("0.5 0.3 0.1 0.1"), _ => Rational.List("0.1 0.2 0.6 0.1"));

    /// <summary>The specification's example of two levels.</summary>
    public static Toy TwoLevels { get; } = new(3,
        path => Rational.List(path switch
        {
            [] => "0.5 0.3 0.2",
            [0] => "0.1 0.2 0.7",
            [1] => "0.6 0.2 0.2",
            [2] => "1/3 1/3 1/3",
            _ => "0.5 0.25 0.25",
        }),
        path => Rational.List(path switch
        {
            [] => "0.2 0.5 0.3",
            [0] => "0.4 0.4 0.2",
            [1] => "0.1 0.1 0.8",
            [2] => "0.5 0.25 0.25",
            _ => "1/3 1/3 1/3",
        }));

    public int Vocabulary => vocabulary;

    public Rational[] Target(params int[] path) => target(path);

    public Rational[] Draft(params int[] path) => draft(path);

    /// <summary>Tokens between the root and <paramref name="node"/>.</summary>
    public static int[] Tokens(TokenTree tree, int node) => [.. tree.Path(node)[1..].ToArray().Select(n => tree.Tokens[n])];

    /// <summary>The target by its table.</summary>
    public readonly struct TableTarget(Toy toy) : ITargetDistribution<Rational>
    {
        public Span<Rational> Weights(TokenTree tree, int node) => toy.Target(Tokens(tree, node));
    }

    /// <summary>Puts the draft distribution of every node into <paramref name="proposals"/>.</summary>
    public void Propose(TokenTree tree, Proposals<Rational> proposals)
    {
        for (var node = 0; node < tree.Count; node++)
        {
            var weights = Draft(Tokens(tree, node));
            var support = Enumerable.Range(0, vocabulary).Where(t => weights[t] > default(Rational)).ToArray();
            proposals.Set(node, support, [.. support.Select(t => weights[t])]);
        }
    }

    /// <summary>Draws a child of <paramref name="node"/> from the draft without its siblings.</summary>
    public int DrawChild(TokenTree tree, int node, Enumeration<Rational> draws)
    {
        var weights = Draft(Tokens(tree, node));
        for (var child = tree.FirstChild(node); child != TokenTree.None; child = tree.NextSibling(child))
            weights[tree.Tokens[child]] = default;
        return tree.AddSampled(node, draws.Choose(weights));
    }
}
