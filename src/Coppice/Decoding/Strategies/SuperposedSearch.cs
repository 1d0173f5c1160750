using System.Diagnostics;
using Coppice.Drafting.NGrams;
using Coppice.Models;

namespace Coppice.Decoding.Strategies;

/// <summary>
/// Superposed decoding: k drafts that share one input and one distribution per step. N-grams of each draft's own text decide which of the
/// shared candidates goes on from which draft; the next input is the mean of the last tokens' embeddings, weighted by the drafts' scores.
/// </summary>
/// <remarks>
/// <para>Of the m largest logits z: l_a = log softmax(z / tau) over these m. A draft i goes on with a at score_i + (1 - alpha) l_a + alpha
/// log g_ia,
/// g_ia = Σ_n lambda_n · count(context, a) / count(context) over the ends of its text of n - 1 tokens; where g is 0 for all candidates of a
/// draft, at score_i + (1 - alpha) l_a - 200; where it is 0 for some, these only fill places that are left. Ties: the better draft, then
/// the lower id.</para>
/// <para>Source: Shen et al., Superposed Decoding: Multiple Generations from a Single Autoregressive Inference Pass (2024), section 3,
/// with the first step, the ends
/// and the refill as tests/golden/superposed/README.md says. Pure host code in double precision. Not thread-safe.</para>
/// </remarks>
/// <param name="rules">How.</param>
/// <param name="store">Counts; null where n-grams do not take part.</param>
/// <param name="prompt">Tokens before the drafts.</param>
/// <param name="endsText">Whether the text of these tokens ends it: stop strings; null for none.</param>
internal sealed class SuperposedSearch(SuperposedRules rules, INGramCounts? store, ReadOnlyMemory<int> prompt, Func<int[],
    bool>? endsText = null)
{
    private readonly List<ScoredDraft> _ended = [];
    private readonly List<DraftPair> _pairs = [], _refill = [];
    private List<ScoredDraft> _alive = [new ScoredDraft([], 0, null)];
    private readonly List<(NGramContext Context, double[] Shares)> _shares = [];
    private double[] _logs = [], _grams = [];
    private int[] _places = [], _ascending = [];        // of the candidates in the order of their ids, and these
    private long[] _counts = [];
    private int _branchedAt;        // tokens of the drafts when they were one
    private int? _chosen;           // the place of that one among the drafts of the step before

    /// <summary>Drafts that go on, the best first; before the first step one without tokens.</summary>
    public IReadOnlyList<ScoredDraft> Alive => _alive;
    /// <summary>The best drafts that have ended, the best first.</summary>
    public IReadOnlyList<ScoredDraft> Ended => _ended;
    /// <summary>Time that n-grams have taken, in ticks of <see cref="Stopwatch"/>.</summary>
    public long LookupTicks { get; private set; }
    /// <summary>Drafts of the last step that fill places for which there was nothing that n-grams know.</summary>
    public int Refilled { get; private set; }
    /// <summary>Logarithms of the probabilities of the last step's candidates among each other.</summary>
    public ReadOnlySpan<double> Logs => _logs;

    /// <summary>Whether another step cannot, or by the rules need not, follow.</summary>
    public bool IsDone
    {
        get
        {
            if (_alive.Count == 0 || _alive[0].Tokens.Length >= rules.Stop.MaxTokens) return true;
            if (!rules.EndsEarly || _ended.Count < rules.Count) return false;
            if (IsGreedy) return true;
            var best = _alive.Max(draft => draft.Score) / rules.Stop.MaxTokens;
            return _ended.Min(draft => draft.Mean) > best;
        }
    }

    /// <summary>Whether there is one draft, which is greedy decoding and ends where its text does.</summary>
    private bool IsGreedy => rules is { Count: 1, EndsEarly: true };

    /// <summary>
    /// The best of all drafts; under <see cref="SuperposedRules.Diverse"/> those that begin like a better one come only where others are
    /// too few: one that has ended and one that goes on may begin alike.
    /// </summary>
    public IReadOnlyList<ScoredDraft> Ranked
    {
        get
        {
            if (IsGreedy && _ended.Count > 0) return _ended;
            var alive = _alive.Where(draft => draft.Tokens.Length > 0);
            if (!rules.Diverse) return ScoredDraft.Rank(alive, _ended, rules.Count);
            var ranked = ScoredDraft.Rank(alive, _ended, 2 * rules.Count);
            var different = ranked.DistinctBy(Beginning).ToList();
            return ScoredDraft.Rank(different.Concat(ranked.Except(different)).Take(rules.Count), [], rules.Count);
        }
    }

    /// <summary>The token by which drafts differ: the first since they were one.</summary>
    private int Beginning(ScoredDraft draft) => draft.Tokens[Math.Min(_branchedAt, draft.Tokens.Length - 1)];

    /// <summary>Goes on from all drafts by the logits that they share.</summary>
    /// <param name="ids">Tokens of the largest logits, largest first, of equal ones the lower id first.</param>
    /// <param name="logits">Their logits.</param>
    public void Step(ReadOnlySpan<int> ids, ReadOnlySpan<float> logits)
    {
        _logs = Logarithms(logits, rules.Temperature);
        var kept = _logs.Length;
        // They fall, so those that take no part are at the end.
        var least = Least(ids);
        while (kept > least && !(_logs[kept - 1] >= (rules.MinLogProb ?? double.MinValue))) kept--;
        ids = ids[..kept];
        var counts = store is not null && rules.NGramWeight > 0 && (rules.FirstStepNGrams || _alive[0].Tokens.Length > 0);
        _pairs.Clear();
        _refill.Clear();
        _shares.Clear();
        if (counts)
        {
            var start = Stopwatch.GetTimestamp();
            Order(ids);
            LookupTicks += Stopwatch.GetTimestamp() - start;
        }
        for (var draft = 0; draft < _alive.Count; draft++)
        {
            var known = false;
            if (counts)
            {
                var start = Stopwatch.GetTimestamp();
                known = Count(store!, _alive[draft].Tokens, ids);
                LookupTicks += Stopwatch.GetTimestamp() - start;
            }
            for (var i = 0; i < kept; i++) Add(draft, i, ids[i], counts, known);
        }
        Select();
    }

    /// <summary>
    /// Candidates that take part however improbable they are: one that does not end drafts while they may not end, and one for each draft
    /// where drafts differ by this token.
    /// </summary>
    private int Least(ReadOnlySpan<int> ids)
    {
        var needed = _alive[0].Tokens.Length < rules.MinTokens ? 1 : 0;
        if (rules.Diverse && _alive.Count == 1 && _alive[0].Tokens.Length == _branchedAt) needed = rules.Count;
        var least = 0;
        for (; needed > 0 && least < ids.Length && double.IsFinite(_logs[least]); least++)
            if (!rules.Stop.Ends(ids[least])) needed--;
        return Math.Max(least, 1);
    }

    /// <summary>The weight of each draft in the next input: softmax of the scores.</summary>
    public double[] Weights()
    {
        var best = _alive.Max(draft => draft.Score);
        double[] weights = [.. _alive.Select(draft => Math.Exp(draft.Score - best))];
        var sum = weights.Sum();
        for (var i = 0; i < weights.Length; i++) weights[i] /= sum;
        return weights;
    }

    /// <summary>The next input: the last tokens of the drafts by the drafts' weights, each token once.</summary>
    public TokenMixture Mixture()
    {
        var weights = Weights();
        var (ids, sums) = (new List<int>(), new List<double>());
        for (var i = 0; i < weights.Length; i++)
        {
            var token = _alive[i].Tokens[^1];
            var at = ids.IndexOf(token);
            if (at >= 0) sums[at] += weights[i];
            else if ((float)weights[i] > 0)
            {
                ids.Add(token);
                sums.Add(weights[i]);
            }
        }
        // One token is that token, to the last bit.
        return ids.Count == 1 ? new TokenMixture([ids[0]], [1]) : new TokenMixture([.. ids], [.. sums.Select(sum => (float)sum)]);
    }

    /// <summary>Only draft <paramref name="index"/> goes on.</summary>
    public void Collapse(int index)
    {
        _alive = [_alive[index]];
        (_branchedAt, _chosen) = (_alive[0].Tokens.Length, index);
    }

    /// <summary>log softmax(z / tau); what is not above -∞ has none.</summary>
    private static double[] Logarithms(ReadOnlySpan<float> logits, double temperature)
    {
        var logs = new double[logits.Length];
        var sum = 0.0;
        for (var i = 0; i < logs.Length; i++)
        {
            logs[i] = logits[i] == logits[0] ? 0 : ((double)logits[i] - logits[0]) / temperature;
            sum += Math.Exp(logs[i]);
        }
        for (var i = 0; i < logs.Length; i++) logs[i] -= Math.Log(sum);
        return logs;
    }

    /// <summary>g of every candidate; whether any is above 0.</summary>
    private bool Count(INGramCounts counts, int[] draft, ReadOnlySpan<int> ids)
    {
        if (_grams.Length < ids.Length) _grams = new double[ids.Length];
        Array.Clear(_grams);
        Span<int> end = stackalloc int[NGramStore.MostTokens - 1];
        var length = Math.Min(end.Length, prompt.Length + draft.Length);
        for (var i = 1; i <= length; i++) end[^i] = i <= draft.Length ? draft[^i] : prompt.Span[^(i - draft.Length)];
        var known = false;
        for (var order = counts.FirstOrder; order <= Math.Min(counts.LastOrder, length + 1); order++)
        {
            var weight = order - 2 < rules.OrderWeights.Count ? rules.OrderWeights[order - 2] : 0;
            if (weight == 0 || !counts.TryFind(end[^(order - 1)..], out var context)) continue;
            var shares = Shares(counts, context);
            for (var i = 0; i < ids.Length; i++)
            {
                _grams[i] += weight * shares[i];
                known |= shares[i] > 0;
            }
        }
        return known;
    }

    /// <summary>count / total of every candidate after a context; drafts that end alike ask for the same.</summary>
    private double[] Shares(INGramCounts counts, in NGramContext context)
    {
        foreach (var (other, known) in _shares)
        {
            if (other == context) return known;
        }
        counts.Count(context, _ascending, _counts);
        var shares = new double[_counts.Length];
        for (var i = 0; i < shares.Length; i++) shares[_places[i]] = (double)_counts[i] / context.Total;
        _shares.Add((context, shares));
        return shares;
    }

    /// <summary>The candidates in the order in which they are looked up.</summary>
    private void Order(ReadOnlySpan<int> ids)
    {
        if (_places.Length != ids.Length) (_places, _counts) = (new int[ids.Length], new long[ids.Length]);
        _ascending = ids.ToArray();
        for (var i = 0; i < ids.Length; i++) _places[i] = i;
        Array.Sort(_ascending, _places);
    }

    private void Add(int draft, int candidate, int token, bool counts, bool known)
    {
        var (score, alpha) = (_alive[draft].Score, rules.NGramWeight);
        if (!counts)
        {
            _pairs.Add(new DraftPair(score + _logs[candidate], draft, token));
            return;
        }
        // At weight 1 the model only chooses the candidates: nothing is multiplied by 0.
        var model = alpha == 1 ? 0 : (1 - alpha) * _logs[candidate];
        if (!known) _pairs.Add(new DraftPair(score + model + SuperposedRules.Penalty, draft, token));
        else if (_grams[candidate] > 0) _pairs.Add(new DraftPair(score + model + alpha * Math.Log(_grams[candidate]), draft, token));
        else _refill.Add(new DraftPair(score + model + SuperposedRules.Penalty, draft, token));
    }

    /// <summary>From pairs to drafts: those that end leave, the best others go on.</summary>
    private void Select()
    {
        _pairs.Sort();
        // As many as could be needed if each draft ended with each of the end tokens.
        var limit = (1 + rules.Stop.EndIds.Count) * rules.Count;
        // Greedy decoding ends by the best token alone.
        var mayEnd = IsGreedy ? 1 : limit;
        var next = new List<ScoredDraft>(rules.Count);
        for (var rank = 0; rank < _pairs.Count && (rank < limit || next.Count < rules.Count); rank++)
        {
            var draft = Take(_pairs[rank]);
            if (!Ends(draft)) Admit(next, draft);
            else if (rank < mayEnd && draft.Tokens.Length > rules.MinTokens) _ended.Add(draft);
        }
        var fresh = next.Count;
        if (next.Count < rules.Count)
        {
            _refill.Sort();
            for (var rank = 0; rank < _refill.Count && next.Count < rules.Count; rank++)
            {
                var draft = Take(_refill[rank]);
                if (!Ends(draft)) Admit(next, draft);
            }
        }
        Refilled = next.Count - fresh;
        _ended.Sort((a, b) => b.Score.CompareTo(a.Score));
        if (_ended.Count > rules.Count) _ended.RemoveRange(rules.Count, _ended.Count - rules.Count);
        (_alive, _chosen) = (next, null);
    }

    private ScoredDraft Take(DraftPair pair)
    {
        var parent = _alive[pair.Draft];
        int? place = parent.Tokens.Length == 0 ? null : _chosen ?? pair.Draft;
        return new ScoredDraft(parent.With(pair.Token), pair.Score, place);
    }

    private bool Ends(ScoredDraft draft) => rules.Stop.Ends(draft.Tokens[^1]) || endsText?.Invoke(draft.Tokens) == true;

    private void Admit(List<ScoredDraft> next, ScoredDraft draft)
    {
        if (next.Count == rules.Count) return;
        if (rules.Diverse && next.Exists(other => Beginning(other) == Beginning(draft))) return;
        next.Add(draft);
    }
}
