using System.Numerics.Tensors;
using Coppice.Decoding.Sampling;

namespace Coppice;

/// <summary>A model that takes part in a <see cref="ContrastiveModel"/>.</summary>
/// <param name="Model">Belongs to it from then on; holds its own prompt.</param>
/// <param name="Weight">What its row is multiplied by; with 0 it never runs.</param>
public readonly record struct ContrastTerm(IStepModel Model, float Weight);

/// <summary>Several models as one: Σ weight · row, of texts that may begin differently and go on with the same tokens.</summary>
/// <remarks>
/// (1 + α, -α) is visual or context-aware contrast, (γ, 1 - γ) over log-probabilities guidance, (1, 1, -1) DExperts. A token that a model
/// with a positive weight gives -∞ has -∞; one that another gives -∞ counts as the smallest finite logit of its row. Rows may differ in
/// length: ids beyond the shortest are left out. Runs of one model share a pass.
/// </remarks>
public sealed class ContrastiveModel : IStepModel, IOwnSteps
{
    private readonly ContrastTerm[] _terms;
    private readonly int[] _ahead;      // how much longer each text is than the first
    private readonly bool _logProbs;
    private readonly float[] _sum, _scratch;

    /// <summary>Composes models.</summary>
    /// <param name="terms">At least one; the first is the one that positions are counted in.</param>
    /// <param name="logProbs">Whether rows are log-softmaxed first.</param>
    /// <exception cref="ArgumentException">There is no term.</exception>
    public ContrastiveModel(IReadOnlyList<ContrastTerm> terms, bool logProbs = false)
    {
        ArgumentNullException.ThrowIfNull(terms);
        if (terms.Count == 0) throw new ArgumentException("contrast: at least one model must be there, got none.", nameof(terms));
        (_terms, _logProbs) = ([.. terms], logProbs);
        _ahead = [.. terms.Select(term => term.Model.Position - terms[0].Model.Position)];
        VocabularySize = terms.Min(term => term.Model.VocabularySize);
        (_sum, _scratch) = (new float[VocabularySize], new float[VocabularySize]);
    }

    /// <inheritdoc/>
    public int VocabularySize { get; }
    /// <inheritdoc/>
    public int Position => _terms[0].Model.Position;
    /// <inheritdoc/>
    Session? IOwnSteps.Own => (_terms[0].Model as IOwnSteps)?.Own;

    /// <inheritdoc/>
    public void Advance(ReadOnlySpan<int> tokens)
    {
        foreach (var term in _terms) term.Model.Advance(tokens);
    }

    /// <summary>The row of one model, which runs what it has not run [its vocabulary].</summary>
    /// <param name="term">Its place among the terms.</param>
    /// <param name="cancellationToken">Takes effect within one pass.</param>
    public ValueTask<ReadOnlyMemory<float>> RowAsync(int term, CancellationToken cancellationToken = default) =>
        _terms[term].Model.NextAsync(cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<ReadOnlyMemory<float>> NextAsync(CancellationToken cancellationToken = default)
    {
        var running = _terms.Select(term => term.Weight == 0 ? default : term.Model.NextAsync(cancellationToken)).ToArray();
        var rows = new ReadOnlyMemory<float>[running.Length];
        Exception? error = null;
        for (var i = 0; i < running.Length; i++)
        {
            // All must have come to their end before one may be asked again.
            try { rows[i] = await running[i].ConfigureAwait(false); }
            catch (Exception failed) { error ??= failed; }
        }
        if (error is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(error);
        // One model alone is that model, to the bit.
        var isAlone = !_logProbs && _terms.Count(term => term.Weight != 0) == 1;
        if (isAlone && Array.FindIndex(_terms, term => term.Weight == 1) is var only and >= 0) return rows[only][..VocabularySize];
        _sum.AsSpan().Clear();
        for (var i = 0; i < rows.Length; i++)
        {
            if (_terms[i].Weight != 0) Add(rows[i].Span[..VocabularySize], _terms[i].Weight);
        }
        return _sum;
    }

    /// <inheritdoc/>
    public void Rollback(int position)
    {
        for (var i = 0; i < _terms.Length; i++) _terms[i].Model.Rollback(position + _ahead[i]);
    }

    /// <inheritdoc/>
    public IStepModel Fork() => new ContrastiveModel([.. _terms.Select(term => term with { Model = term.Model.Fork() })], _logProbs);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var term in _terms) term.Model.Dispose();
    }

    private void Add(ReadOnlySpan<float> row, float weight)
    {
        row.CopyTo(_scratch);
        if (_logProbs) TensorPrimitives.Subtract<float>(_scratch, (float)LogProbabilities.LogSum(row), _scratch);
        var least = float.PositiveInfinity;
        foreach (var logit in _scratch)
        {
            if (float.IsFinite(logit) && logit < least) least = logit;
        }
        for (var i = 0; i < _scratch.Length; i++)
        {
            // -∞ - (-∞) is not a number.
            if (!float.IsFinite(_scratch[i]) && weight < 0) _scratch[i] = float.IsPositiveInfinity(_scratch[i]) ? float.MaxValue : least;
            var isBanned = float.IsNegativeInfinity(_sum[i]) || float.IsNaN(_scratch[i]);
            _sum[i] = isBanned ? float.NegativeInfinity : _sum[i] + weight * _scratch[i];
        }
    }
}
