using Coppice.Decoding.Sampling;

namespace Coppice.Decoding;

/// <summary>
/// What a walk through a token tree tells of each token that it chooses, from the root down: Mirostat its surprise, and the reader its
/// log-probability among what was left.
/// </summary>
/// <remarks>
/// The token of a row is known one step later than the row, when the walk goes on or ends. One walk at a time; rows are taken only where
/// they are needed.
/// </remarks>
/// <param name="vocabularySize">Of the rows.</param>
internal sealed class WatchedRow(int vocabularySize)
{
    private float[]? _raw, _final;
    private bool _hasRow;

    /// <summary>Whether Mirostat learns from the row: there is one, and a constraint leaves more than one token.</summary>
    public bool Teaches { get; set; }
    /// <summary>
    /// What was left of the row of each depth of the walk, where <see cref="DecodingOptions.FinalLogProbs"/> asks for it.
    /// </summary>
    public List<TokenLogProbs> LogProbs { get; } = [];

    /// <summary>A walk begins.</summary>
    public void Restart()
    {
        (_hasRow, Teaches) = (false, false);
        LogProbs.Clear();
    }

    /// <summary>Keeps the model's own row.</summary>
    public void Raw(ReadOnlySpan<float> row) => Keep(ref _raw, row);

    /// <summary>Keeps what the processors have left of it.</summary>
    public void Final(ReadOnlySpan<float> row) => Keep(ref _final, row);

    /// <summary>The token that was chosen from the row.</summary>
    /// <param name="token">It; one that a constraint forced had no row.</param>
    /// <param name="options">Whom to tell.</param>
    public void Take(int token, DecodingOptions options)
    {
        if (_hasRow && Teaches && options.Sampler.Mirostat is { } mirostat)
            mirostat.Observe(token, mirostat.Basis == SurpriseBasis.Full ? _raw : _final);
        if (options is { LogProbs: { } count, FinalLogProbs: true })
            LogProbs.Add(_hasRow ? LogProbabilities.Of(_final, token, count) : Certain(token, count));
        _hasRow = false;
    }

    private static TokenLogProbs Certain(int token, int count) => new(0, count == 0 ? [] : [new TokenLogProb(token, 0)]);

    private void Keep(ref float[]? kept, ReadOnlySpan<float> row)
    {
        row.CopyTo(kept ??= new float[vocabularySize]);
        _hasRow = true;
    }
}
