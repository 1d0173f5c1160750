using System.Runtime.InteropServices;
using Coppice.Decoding.Sampling;

namespace Coppice;

/// <summary>Two models of one text, of which a policy says whose row counts: see <see cref="SwitchOptions"/>.</summary>
/// <remarks>The model that is asked runs first what it has missed: after any pattern of switches each has what a fresh one would.</remarks>
public sealed class SwitchingModel : IStepModel, IOwnSteps
{
    private const double Bit = 0.69314718055994531;

    private readonly IStepModel _small, _large;
    private readonly ISwitchPolicy _policy;
    private readonly List<int> _positions = [];
    private readonly List<double> _entropies = [];
    private readonly List<bool> _fromLarge = [];
    private readonly float[] _scratch;

    /// <summary>Composes two models, which belong to it from then on.</summary>
    /// <param name="small">Begins.</param>
    /// <param name="large">Has the same tokens in it.</param>
    /// <param name="policy">Decides.</param>
    /// <exception cref="ArgumentException">Their texts differ in length.</exception>
    public SwitchingModel(IStepModel small, IStepModel large, ISwitchPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(small);
        ArgumentNullException.ThrowIfNull(large);
        ArgumentNullException.ThrowIfNull(policy);
        if (small.Position != large.Position)
            throw new ArgumentException($"switch: both models must hold the same text, got {small.Position} and {large.Position} tokens.");
        (_small, _large, _policy) = (small, large, policy);
        VocabularySize = Math.Min(small.VocabularySize, large.VocabularySize);
        _scratch = new float[VocabularySize];
    }

    /// <inheritdoc/>
    public int VocabularySize { get; }
    /// <inheritdoc/>
    public int Position => _large.Position;
    /// <summary>Of each row so far whether the large model gave it.</summary>
    public IReadOnlyList<bool> FromLarge => _fromLarge;
    /// <inheritdoc/>
    Session? IOwnSteps.Own => (_large as IOwnSteps)?.Own;

    /// <inheritdoc/>
    public void Advance(ReadOnlySpan<int> tokens)
    {
        _small.Advance(tokens);
        _large.Advance(tokens);
    }

    /// <inheritdoc/>
    public async ValueTask<ReadOnlyMemory<float>> NextAsync(CancellationToken cancellationToken = default)
    {
        // A row that is asked for again is the same model's.
        var isAgain = _positions.Count > 0 && _positions[^1] == Position;
        var isLarge = isAgain ? _fromLarge[^1] : _policy.TakesLarge(_entropies, _fromLarge);
        var row = (await (isLarge ? _large : _small).NextAsync(cancellationToken).ConfigureAwait(false))[..VocabularySize];
        if (isAgain) return row;
        _positions.Add(Position);
        _entropies.Add(Entropy(row.Span));
        _fromLarge.Add(isLarge);
        return row;
    }

    /// <inheritdoc/>
    public void Rollback(int position)
    {
        _small.Rollback(position);
        _large.Rollback(position);
        var kept = _positions.Count;
        while (kept > 0 && _positions[kept - 1] > position) kept--;
        Keep(kept);
    }

    /// <inheritdoc/>
    public IStepModel Fork()
    {
        var fork = new SwitchingModel(_small.Fork(), _large.Fork(), _policy);
        fork._positions.AddRange(_positions);
        fork._entropies.AddRange(_entropies);
        fork._fromLarge.AddRange(_fromLarge);
        return fork;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _small.Dispose();
        _large.Dispose();
    }

    private void Keep(int count)
    {
        CollectionsMarshal.SetCount(_positions, count);
        CollectionsMarshal.SetCount(_entropies, count);
        CollectionsMarshal.SetCount(_fromLarge, count);
    }

    /// <summary>Of the row as the model gives it, in bits.</summary>
    private double Entropy(ReadOnlySpan<float> row)
    {
        row.CopyTo(_scratch);
        var candidates = new Candidates(_scratch);
        return Softmax.TryOf(ref candidates, out var softmax) ? softmax.Entropy / Bit : 0;
    }
}
