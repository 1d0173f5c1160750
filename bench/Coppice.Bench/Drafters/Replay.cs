using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Execution;

namespace Coppice.Bench.Drafters;

/// <summary>Tokens, passes, nodes and modelled time of drafting against recorded texts.</summary>
internal sealed record ReplayResult(int Tokens, int Passes, long Nodes, double Seconds);

/// <summary>Drives a drafter along a recorded text as the decoding loop would, without the model.</summary>
/// <remarks>One simplification: what the target holds likely is known on the accepted path alone, so drafters learn nothing from rejected nodes.</remarks>
internal static class Replay
{
    private const int TreeNodes = 96, TreeDepth = 31;

    /// <summary>A drafter that has learned from <paramref name="others"/> and from nothing else.</summary>
    public static Drafter Create(DrafterOptions options, LanguageModel model, IEnumerable<RecordedText> others, PassCosts costs)
    {
        var drafter = options.Create(model.DraftContext.In(new CacheScope("replay")));
        foreach (var text in others) Run(drafter, text, costs);
        return drafter;
    }

    /// <summary>Replays one text, with pass times of <paramref name="costs"/>.</summary>
    public static ReplayResult Run(Drafter drafter, RecordedText text, PassCosts costs)
    {
        var tree = new TokenTree(TreeNodes, TreeDepth);
        var sampler = new Sampler([], greedy: true, 0);
        var path = new List<int>();
        var (ids, result) = (text.Ids, new ReplayResult(0, 0, 0, 0));
        drafter.Begin(ids.AsSpan(0, text.PromptLength));
        for (var count = text.PromptLength; count < ids.Length;)
        {
            tree.Reset(ids[count - 1]);
            var depth = Math.Min(ids.Length - count - 1, TreeDepth);
            var first = count == text.PromptLength;     // the pass after the prompt has no draft
            if (!first && depth > 0)
                drafter.Draft(new DraftRequest { Tokens = ids.AsSpan(0, count), MaxNodes = TreeNodes, MaxDepth = depth, Sampler = sampler, Costs = costs }, tree);
            path.Clear();
            path.Add(0);
            while (count + path.Count < ids.Length && tree.TryFindChild(path[^1], ids[count + path.Count - 1], out var child)) path.Add(child);
            drafter.Accept(Verify(text, tree, path, count));
            count += path.Count;
            if (!first) result = new(result.Tokens + path.Count, result.Passes + 1, result.Nodes + tree.Count, result.Seconds + costs.Seconds(tree.Count));
        }
        return result;
    }

    private static VerificationResult Verify(RecordedText text, TokenTree tree, List<int> path, int count)
    {
        var places = new int[tree.Count];
        places.AsSpan().Fill(-1);
        for (var i = 0; i < path.Count; i++) places[path[i]] = i;
        var rows = Enumerable.Range(count - 1, path.Count).ToArray();
        var best = new TopRows(places, rows.SelectMany(row => text.Top[row]).ToArray(), rows.SelectMany(row => text.Logits[row]).ToArray(), text.Top[0].Length, text.Top[0].Length);
        var tokens = text.Ids.AsSpan(0, count + path.Count);
        return new VerificationResult { Tree = tree, Path = path.ToArray(), Tokens = tokens, Emitted = tokens[count..], Best = best };
    }
}
