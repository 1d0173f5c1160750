using Coppice.Constraints;

namespace Coppice.Tests.Constraints;

/// <summary>Allows some tokens at each place, and the end after the last.</summary>
internal sealed class Places(TokenVocabulary vocabulary, int[][] allowed) : ITokenConstraint
{
    public int Position { get; private set; }

    public bool MayWait => false;

    public bool CanStop => Position == allowed.Length;

    public bool MustStop => CanStop;

    public ValueTask PrepareAsync(CancellationToken cancellationToken = default) =>
        cancellationToken.IsCancellationRequested ? ValueTask.FromCanceled(cancellationToken) : ValueTask.CompletedTask;

    public bool FillMask(Span<ulong> mask, int tokensLeft = int.MaxValue)
    {
        mask.Clear();
        foreach (var token in CanStop ? vocabulary.EndIds : allowed[Position]) mask[token >> 6] |= 1UL << token;
        return true;
    }

    public bool TryAdvance(int token)
    {
        if (CanStop || !allowed[Position].Contains(token)) return false;
        Position++;
        return true;
    }

    public int ForcedTokens(Span<int> destination, int tokensLeft = int.MaxValue) => 0;

    public void Rollback(int position) => Position = position;

    public ITokenConstraint Fork() => new Places(vocabulary, allowed) { Position = Position };
}
