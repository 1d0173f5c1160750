using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Execution;

namespace Coppice.Tests.Support;

/// <summary>
/// A target that is a function of the tokens: its best token, and after it the next ids in turn. Drives drafters as the decoding loop does.
/// </summary>
internal sealed class ToyTarget(int vocabulary, Func<int[], int> next)
{
    private const int Width = 16;
    private readonly TokenTree _tree = new(96, 31);

    /// <summary>Tokens that the last call of <see cref="Generate"/> gave in each pass.</summary>
    public List<int> Given { get; } = [];
    /// <summary>Tokens that each of those passes was expected to give.</summary>
    public List<double> Expected { get; } = [];
    /// <summary>Nodes of the largest tree.</summary>
    public int LargestTree { get; private set; }
    /// <summary>The deepest node.</summary>
    public int Deepest { get; private set; }

    /// <summary>Generates after <paramref name="prompt"/>.</summary>
    public int[] Generate(Drafter drafter, int[] prompt, int tokens, PassCosts? costs = null)
    {
        costs ??= PassCosts.Of((1, 1), (96, 1));
        Given.Clear();
        Expected.Clear();
        drafter.Begin(prompt);
        List<int> all = [.. prompt];
        while (all.Count < prompt.Length + tokens)
        {
            _tree.Reset(all[^1]);
            var depth = Math.Min(prompt.Length + tokens - all.Count - 1, 31);
            if (depth > 0)
            {
                drafter.Draft(new DraftRequest
                {
                    Tokens = all.ToArray(),
                    MaxNodes = 96,
                    MaxDepth = depth,
                    Sampler = new Sampler([], greedy: true, 0),
                    Costs = costs,
                }, _tree);
            }
            Expected.Add(_tree.ExpectedTokens);
            LargestTree = Math.Max(LargestTree, _tree.Count);
            foreach (var d in _tree.Depths) Deepest = Math.Max(Deepest, d);
            Verify(drafter, all);
        }
        return [.. all[prompt.Length..]];
    }

    private void Verify(Drafter drafter, List<int> all)
    {
        var before = all.ToArray();
        var rows = Enumerable.Range(0, _tree.Count).Select(node => Best([.. before, .. _tree.Path(node)[1..].ToArray()
            .Select(n => _tree.Tokens[n])])).ToArray();
        List<int> path = [0];
        while (_tree.TryFindChild(path[^1], rows[path[^1]][0], out var child)) path.Add(child);
        foreach (var node in path) all.Add(rows[node][0]);
        Given.Add(path.Count);
        var logits = rows.SelectMany(_ => Enumerable.Range(0, Width).Select(rank => -(float)rank)).ToArray();
        var best = new TopRows(Enumerable.Range(0, _tree.Count).ToArray(), rows.SelectMany(row => row).ToArray(), logits, Width,
            drafter.TopCount);
        drafter.Accept(new VerificationResult
        {
            Tree = _tree,
            Path = path.ToArray(),
            Tokens = all.ToArray(),
            Emitted = all.ToArray()
            .AsSpan(before.Length),
            Best = best
        });
    }

    private int[] Best(int[] tokens)
    {
        var first = next(tokens);
        return [.. Enumerable.Range(0, Width).Select(rank => (first + rank) % vocabulary)];
    }
}
