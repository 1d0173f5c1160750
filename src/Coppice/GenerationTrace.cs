namespace Coppice;

/// <summary>What happened in one pass of a generation.</summary>
/// <param name="Position">Tokens of the sequence before the pass, prompt and generated; for a piece of a prompt those of the prompt in
/// front of it.</param>
/// <param name="Tree">The tokens that the pass looked at: the last one of the sequence as the root, and drafts after it; empty for a piece
/// of a prompt.</param>
/// <param name="Parents">[nodes of the tree]: the node before each, -1 for the root.</param>
/// <param name="AcceptedPath">The nodes that were accepted, from the root on; empty for a piece of a prompt.</param>
/// <param name="Tokens">The tokens that the pass gave: those of the path after the root, the choice at its end, and what a constraint
/// forces after that.</param>
/// <param name="Probabilities">The model's log-probabilities at each node of the path that a token was taken from.</param>
/// <param name="Rows">Rows that ran for this sequence, tokens of the prompt or nodes.</param>
/// <param name="Sequences">Sequences that shared the pass.</param>
/// <param name="KvBytes">Bytes of the sequence's keys and values after it.</param>
/// <param name="DraftTime">Of proposing.</param>
/// <param name="PassTime">Of the model, for all sequences of the pass.</param>
/// <param name="HostTime">Of choosing, committing and what the drafter learns.</param>
public sealed record GenerationStep(
    int Position, IReadOnlyList<int> Tree, IReadOnlyList<int> Parents, IReadOnlyList<int> AcceptedPath, IReadOnlyList<int> Tokens,
    IReadOnlyList<TokenLogProbs> Probabilities, int Rows, int Sequences, long KvBytes, TimeSpan DraftTime, TimeSpan PassTime,
    TimeSpan HostTime);

/// <summary>
/// Records the passes of one generation while it runs: <see cref="GenerationOptions.Trace"/>. Passes run ahead of the reader by some
/// tokens.
/// </summary>
/// <remarks>Thread-safe. A pass that is recorded costs some microseconds, and a row of logits on the host for each token.</remarks>
public sealed class GenerationTrace
{
    private const int MostBest = 20;

    private readonly List<GenerationStep> _steps = [];
    private readonly Lock _gate = new();

    /// <summary>A trace without steps.</summary>
    /// <param name="bestTokens">How many of the most probable tokens of each row are kept, 0 to 20.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is another number.</exception>
    public GenerationTrace(int bestTokens = 3)
    {
        if (bestTokens is < 0 or > MostBest)
            throw new ArgumentOutOfRangeException(nameof(bestTokens), bestTokens, $"trace: the best tokens must be from 0 to {MostBest}.");
        BestTokens = bestTokens;
    }

    /// <summary>The most probable tokens that are kept of a row.</summary>
    public int BestTokens { get; }

    /// <summary>Passes so far.</summary>
    public int Count
    {
        get { lock (_gate) return _steps.Count; }
    }

    /// <summary>The passes so far from number <paramref name="first"/> on, in their order.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The number is negative or greater than <see cref="Count"/>.</exception>
    public IReadOnlyList<GenerationStep> From(int first = 0)
    {
        lock (_gate)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(first);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(first, _steps.Count);
            return _steps[first..];
        }
    }

    internal void Add(GenerationStep step)
    {
        lock (_gate) _steps.Add(step);
    }
}
