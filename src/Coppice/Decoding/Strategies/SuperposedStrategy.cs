using Coppice.Decoding.Sampling;
using Coppice.Drafting.NGrams;

namespace Coppice.Decoding.Strategies;

/// <summary>When superposed drafts are collapsed into one, from which drafting goes on.</summary>
/// <param name="Every">Tokens from one reset to the next; 0 for none.</param>
/// <param name="Exact">Whether keys and values are computed anew from the tokens of that draft, instead of kept as mixtures.</param>
/// <param name="Seed">Of the choice, by the drafts' weights.</param>
internal readonly record struct ResetRules(int Every, bool Exact, ulong Seed);

/// <summary>
/// Superposed drafts: one branch whose rows are mixtures; or several, which begin with sampled tokens of their own and are superposed from
/// there.
/// </summary>
internal sealed class SuperposedStrategy : DraftStrategy
{
    private readonly SuperposedRules _rules;
    private readonly ResetRules _reset;
    private readonly INGramCounts? _store;
    private readonly Func<int[], bool>? _endsText;
    private readonly int _vocabularySize, _prefixLength;
    private readonly Part[] _parts;
    private List<Part> _active;         // by branch
    private bool _begun;

    /// <summary>A strategy.</summary>
    /// <param name="rules">How drafts are chosen; tokens count from the end of the sampled ones.</param>
    /// <param name="reset">When they are collapsed.</param>
    /// <param name="store">Counts; null where n-grams do not take part.</param>
    /// <param name="prompt">Tokens before the drafts.</param>
    /// <param name="samplers">One for each branch that begins with sampled tokens; none for one branch without.</param>
    /// <param name="prefixLength">Sampled tokens of each branch.</param>
    /// <param name="vocabularySize">Of the model.</param>
    /// <param name="endsText">Whether the text of these tokens ends it; null for none.</param>
    public SuperposedStrategy(
        SuperposedRules rules, ResetRules reset, INGramCounts? store, ReadOnlyMemory<int> prompt, IReadOnlyList<Sampler> samplers,
        int prefixLength, int vocabularySize, Func<int[], bool>? endsText = null)
    {
        (_rules, _reset, _store, _endsText, _vocabularySize, _prefixLength) = (rules, reset, store, endsText, vocabularySize, prefixLength);
        _parts = samplers.Count == 0 ? [new Part(null, prompt.ToArray())]
            : [.. samplers.Select(sampler => new Part(sampler, prompt.ToArray()))];
        _active = [.. _parts];
        if (prefixLength == 0) OpenSearches();
    }

    /// <inheritdoc/>
    public override int Branches => _parts.Length;
    /// <inheritdoc/>
    public override int TopCount => _rules.Candidates;
    /// <inheritdoc/>
    public override long LookupTicks => _parts.Sum(part => part.Search?.LookupTicks ?? 0);
    /// <inheritdoc/>
    public override IReadOnlyList<ScoredDraft> Alive => [.. _parts.SelectMany(part => part.Shown)];
    /// <inheritdoc/>
    public override IReadOnlyList<ScoredDraft> Ended =>
        [.. _parts.SelectMany(part => Whole(part, part.Search?.Ended ?? [])).OrderByDescending(draft => draft.Mean)];
    /// <inheritdoc/>
    public override IReadOnlyList<ScoredDraft> Ranked =>
        ScoredDraft.Rank(_parts.SelectMany(part => Whole(part, part.Search?.Ranked ?? []))
            .DistinctBy(draft => string.Join(',', draft.Tokens)), [], _rules.Count * _parts.Length);

    /// <inheritdoc/>
    public override IReadOnlyList<BranchStep> Step(IBranchLogits logits)
    {
        var steps = new List<BranchStep>(_active.Count);
        var next = new List<Part>(_active.Count);
        for (var i = 0; i < _active.Count; i++)
        {
            var (part, branch) = (_active[i], _begun ? i : 0);
            if (part.Search is null) steps.Add(new BranchStep(branch, [new BranchRow(Sample(part, branch, logits))]));
            else if (Superpose(part, branch, logits) is { } step) steps.Add(step);
            else continue;
            next.Add(part);
        }
        (_active, _begun) = (next, true);
        Show();
        if (next.Count > 0 && next[0].Search is null && next[0].Prefix.Count == _prefixLength) OpenSearches();
        return steps;
    }

    private int Sample(Part part, int branch, IBranchLogits logits)
    {
        logits.Download(branch, part.Logits ??= new float[_vocabularySize]);
        var token = part.Sampler!.Choose([.. part.Prompt, .. part.Prefix], part.Logits);
        part.Prefix.Add(token);
        return token;
    }

    /// <summary>A step of one branch; null where it is done.</summary>
    private BranchStep? Superpose(Part part, int branch, IBranchLogits logits)
    {
        var search = part.Search!;
        var ids = logits.Best(branch, _rules.Candidates, out var largest);
        search.Step(ids, largest);
        part.SinceReset++;
        if (search.IsDone) return null;
        if (_reset.Every == 0 || part.SinceReset < _reset.Every)
        {
            var mixture = search.Mixture();
            return new BranchStep(branch, [new BranchRow(mixture.Ids[0], mixture)]);
        }
        part.Latest = [.. search.Alive];
        search.Collapse(Choose(search.Weights(), part));
        var tokens = search.Alive[0].Tokens[^part.SinceReset..];
        part.SinceReset = 0;
        return _reset.Exact
            ? new BranchStep(branch, [.. tokens.Select(token => new BranchRow(token))], Dropped: tokens.Length - 1)
            : new BranchStep(branch, [new BranchRow(tokens[^1])]);
    }

    private int Choose(double[] weights, Part part)
    {
        var position = part.Prompt.Length + part.Prefix.Count + part.Search!.Alive[0].Tokens.Length;
        var left = Philox.Uniform(_reset.Seed, RandomStream.Search, position, Array.IndexOf(_parts, part));
        for (var i = 0; i < weights.Length - 1; i++)
        {
            left -= weights[i];
            if (left < 0) return i;
        }
        return weights.Length - 1;
    }

    private void OpenSearches()
    {
        foreach (var part in _parts)
        {
            int[] text = [.. part.Prompt, .. part.Prefix];
            var (ends, prefix) = (_endsText, part.Prefix);
            part.Search = new SuperposedSearch(_rules, _store, text, ends is null ? null : tokens => ends([.. prefix, .. tokens]));
        }
    }

    /// <summary>What is shown of all parts after a step; parents are places in what was shown before.</summary>
    private void Show()
    {
        var first = 0;
        foreach (var part in _parts)
        {
            var (before, start) = (part.Shown, first);
            first += before.Count;
            var latest = part.Latest ?? part.Search?.Alive ?? [];
            part.Latest = null;
            if (part.Search is null || latest is [{ Tokens.Length: 0 }, ..])
            {
                part.Shown = part.Prefix.Count == 0 ? [] : [new ScoredDraft([.. part.Prefix], 0, before.Count == 0 ? null : start)];
                continue;
            }
            // None are left where all have ended.
            var stands = latest.Count > 0 && before.Count > 0 && before[0].Tokens.Length == part.Prefix.Count + latest[0].Tokens.Length;
            part.Shown =
            [
                .. Whole(part, latest).Select((draft, i) => draft with
                {
                    // What has begun with sampled tokens goes on from them; what is done stays what it is.
                    Parent = before.Count == 0 ? null : stands ? start + i : start + (draft.Parent ?? 0),
                }),
            ];
        }
    }

    private static IEnumerable<ScoredDraft> Whole(Part part, IEnumerable<ScoredDraft> drafts) =>
        part.Prefix.Count == 0 ? drafts : drafts.Select(draft => draft with { Tokens = [.. part.Prefix, .. draft.Tokens] });

    /// <summary>One branch.</summary>
    private sealed class Part(Sampler? sampler, int[] prompt)
    {
        public Sampler? Sampler => sampler;
        public int[] Prompt => prompt;
        public List<int> Prefix { get; } = [];
        public SuperposedSearch? Search { get; set; }
        public int SinceReset { get; set; }
        public float[]? Logits { get; set; }
        public IReadOnlyList<ScoredDraft>? Latest { get; set; }
        public IReadOnlyList<ScoredDraft> Shown { get; set; } = [];
    }
}
