using Coppice.Constraints;

namespace Coppice.Tests.Constraints;

/// <summary>A constraint that knows its mask only after something has come, and says so where it is asked too early.</summary>
/// <param name="inner">What it allows.</param>
/// <param name="answer">What to wait for at a place; another thread's turn by default.</param>
internal sealed class Waiting(ITokenConstraint inner, Func<int, CancellationToken, Task>? answer = null) : ITokenConstraint
{
    private bool _isReady, _asks;

    public int Position => Alone(inner.Position);

    public bool CanStop => Alone(inner.CanStop);

    public bool MustStop => Alone(inner.MustStop);

    public async ValueTask PrepareAsync(CancellationToken cancellationToken = default)
    {
        Alone(true);
        cancellationToken.ThrowIfCancellationRequested();
        _asks = true;
        try
        {
            if (answer is null) await Task.Yield();
            else await answer(inner.Position, cancellationToken);
            _isReady = true;
        }
        finally
        {
            _asks = false;
        }
    }

    public bool FillMask(Span<ulong> mask, int tokensLeft = int.MaxValue) => Ready() && inner.FillMask(mask, tokensLeft);

    public bool TryAdvance(int token)
    {
        if (!Ready() || !inner.TryAdvance(token)) return false;
        _isReady = false;
        return true;
    }

    public int ForcedTokens(Span<int> destination, int tokensLeft = int.MaxValue) => Alone(0);

    public void Rollback(int position)
    {
        if (Alone(inner.Position) == position) return;
        inner.Rollback(position);
        _isReady = false;
    }

    public ITokenConstraint Fork() => new Waiting(Alone(inner).Fork(), answer) { _isReady = _isReady };

    /// <summary>Nothing is asked while it waits.</summary>
    private T Alone<T>(T value) => _asks ? throw new InvalidOperationException("the constraint was used while it was preparing") : value;

    private bool Ready() =>
        Alone(_isReady) ? true : throw new InvalidOperationException("the constraint was asked before it was prepared");
}
