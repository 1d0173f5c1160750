using System.Runtime.InteropServices;

namespace Coppice;

/// <summary>The text of a session as a step model: passes are shared with whatever else the model runs.</summary>
/// <param name="session">Belongs to it.</param>
/// <param name="vocabularySize">Of its model.</param>
internal sealed class SessionSteps(Session session, int vocabularySize) : IStepModel, IOwnSteps
{
    private readonly List<int> _tokens = [];
    private readonly float[] _row = new float[vocabularySize];
    private int _rowOf = -1;        // tokens before the row

    /// <summary>Holds keys and values.</summary>
    public Session? Own => session;
    /// <inheritdoc/>
    public int VocabularySize => vocabularySize;
    /// <inheritdoc/>
    public int Position => _tokens.Count;

    /// <inheritdoc/>
    public void Advance(ReadOnlySpan<int> tokens)
    {
        foreach (var token in tokens)
        {
            if ((uint)token >= (uint)vocabularySize)
                throw new ArgumentOutOfRangeException(nameof(tokens), token, $"step: ids are from 0 to {vocabularySize - 1}.");
        }
        _tokens.AddRange(tokens);
    }

    /// <inheritdoc/>
    public async ValueTask<ReadOnlyMemory<float>> NextAsync(CancellationToken cancellationToken = default)
    {
        if (_tokens.Count == 0) throw new InvalidOperationException("step: a model says nothing before the first token.");
        if (_rowOf == _tokens.Count) return _row;
        _rowOf = -1;
        await session.RowAsync([.. _tokens], _row, cancellationToken).ConfigureAwait(false);
        _rowOf = _tokens.Count;
        return _row;
    }

    /// <inheritdoc/>
    public void Rollback(int position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(position, _tokens.Count);
        if (position == _tokens.Count) return;
        CollectionsMarshal.SetCount(_tokens, position);
        // Other tokens may come to be as many as the row was after.
        _rowOf = -1;
    }

    /// <inheritdoc/>
    public IStepModel Fork()
    {
        var fork = new SessionSteps(session.Fork(), vocabularySize) { _rowOf = _rowOf };
        fork._tokens.AddRange(_tokens);
        if (_rowOf >= 0) _row.CopyTo(fork._row, 0);
        return fork;
    }

    /// <inheritdoc/>
    public void Dispose() => session.Dispose();
}
