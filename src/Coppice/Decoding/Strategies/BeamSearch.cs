using Coppice.Decoding.Verification;

namespace Coppice.Decoding.Strategies;

/// <summary>What a beam's row of logits says: its largest log-probabilities.</summary>
/// <param name="Tokens">The largest logits' tokens, largest first, of equal ones the lower id first.</param>
/// <param name="LogProbabilities">Theirs, of the whole row.</param>
internal readonly record struct BeamRow(int[] Tokens, double[] LogProbabilities);

/// <summary>
/// Beam search: of all continuations of B beams by one token, the B with the largest sums of log-probabilities go on. One that ends among
/// the best B leaves with the mean of its tokens as its score, or what <see cref="LengthPenalty"/> makes of their sum.
/// </summary>
/// <remarks>
/// Ties: the better beam, then the lower id. Ends when B have ended, and as <see cref="Stopping"/> says. Pure host code: whoever runs the
/// model gives a row for each beam and moves keys and values to where <see cref="ScoredDraft.Parent"/> says. Not thread-safe.
/// </remarks>
/// <param name="beams">B.</param>
/// <param name="stop">When a beam ends.</param>
/// <param name="minTokens">No beam ends before it has this many tokens.</param>
/// <param name="endsText">Whether the text of these tokens ends it; null for none.</param>
internal sealed class BeamSearch(int beams, StopRule stop, int minTokens = 0, Func<int[], bool>? endsText = null)
{
    private readonly List<ScoredDraft> _ended = [];
    private readonly List<DraftPair> _pairs = [];
    private List<ScoredDraft> _alive = [new ScoredDraft([], 0, null)];

    /// <summary>The power of their length that the sums of beams are divided by.</summary>
    public double LengthPenalty { get; init; } = 1;
    /// <summary>Whether beams that go on are waited for when B have ended; until none could be better, by default.</summary>
    public EarlyStopping Stopping { get; init; } = EarlyStopping.Never;
    /// <summary>Whether nothing may follow a beam that goes on by this token; null for no such rule.</summary>
    public Func<int, int, bool>? EndsWhole { get; init; }
    /// <summary>Best tokens of a row that must be given, so that enough are left when each end token is among them.</summary>
    public int Candidates => beams + stop.EndIds.Count + (endsText is null ? 0 : beams);
    /// <summary>Beams that go on, the best first; before the first step one without tokens.</summary>
    public IReadOnlyList<ScoredDraft> Alive => _alive;
    /// <summary>The best beams that have ended, the best first.</summary>
    public IReadOnlyList<ScoredDraft> Ended => _ended;
    /// <summary>The best of all; of those that have ended alone where no other is waited for.</summary>
    public IReadOnlyList<ScoredDraft> Ranked => IsSettled
        ? _ended
        : [.. _alive.Where(beam => beam.Tokens.Length > 0).Concat(_ended)
            .OrderByDescending(beam => beam.Normalized(LengthPenalty)).Take(beams)];

    /// <summary>Whether another step cannot, or need not, follow.</summary>
    public bool IsDone
    {
        get
        {
            if (_alive.Count == 0 || _alive[0].Tokens.Length >= stop.MaxTokens) return true;
            return IsSettled;
        }
    }

    /// <summary>Whether the beams that go on are not waited for.</summary>
    private bool IsSettled => _ended.Count == beams && (Stopping == EarlyStopping.True || _alive.Count == 0
        || BestPossible() <= _ended[^1].Normalized(LengthPenalty));

    /// <summary>The best score that a beam that goes on is taken to come to: scores only fall, and lengths only grow.</summary>
    private double BestPossible()
    {
        var length = Stopping == EarlyStopping.Never && LengthPenalty > 0 ? stop.MaxTokens : _alive[0].Tokens.Length;
        return _alive.Max(beam => beam.Score) / Math.Pow(length, LengthPenalty);
    }

    /// <summary>Goes on by one token.</summary>
    /// <param name="rows">[alive]: the row of each beam.</param>
    public void Step(ReadOnlySpan<BeamRow> rows)
    {
        _pairs.Clear();
        for (var beam = 0; beam < rows.Length; beam++)
        {
            for (var i = 0; i < rows[beam].Tokens.Length; i++)
                _pairs.Add(new DraftPair(_alive[beam].Score + rows[beam].LogProbabilities[i], beam, rows[beam].Tokens[i]));
        }
        _pairs.Sort();
        var next = new List<ScoredDraft>(beams);
        for (var rank = 0; rank < _pairs.Count && next.Count < beams; rank++)
        {
            var (score, beam, token) = _pairs[rank];
            if (double.IsNegativeInfinity(score)) break;
            var tokens = _alive[beam].With(token);
            var draft = new ScoredDraft(tokens, score, tokens.Length == 1 ? null : beam);
            var isWhole = !stop.Ends(token) && EndsWhole?.Invoke(beam, token) == true;
            if (!isWhole && !stop.Ends(token) && endsText?.Invoke(tokens) != true) next.Add(draft);
            else if (rank < beams && tokens.Length > minTokens) _ended.Add(draft with { IsWhole = isWhole });
        }
        _ended.Sort((a, b) => b.Normalized(LengthPenalty).CompareTo(a.Normalized(LengthPenalty)));
        if (_ended.Count > beams) _ended.RemoveRange(beams, _ended.Count - beams);
        _alive = next;
    }
}
