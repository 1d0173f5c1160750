using System.Diagnostics;

namespace Coppice.Cli.Measuring;

/// <summary>Many texts of one length, embedded in one call.</summary>
internal sealed class EmbedRow : IMeasuredRow
{
    private const int RoundTokens = 4096;

    private readonly EmbeddingModel _model;
    private readonly int _tokens;
    private readonly int[][] _texts;
    private readonly List<double> _seconds = [];

    /// <summary>Texts of <paramref name="tokens"/> tokens without meaning, the same in every run.</summary>
    public EmbedRow(EmbeddingModel model, int tokens)
    {
        (_model, _tokens) = (model, tokens);
        var count = Math.Max(RoundTokens / tokens, 1);
        _texts = [.. Enumerable.Range(0, count).Select(text => Ids(text))];
    }

    /// <inheritdoc/>
    public string Name => $"embed-{_tokens}";

    /// <inheritdoc/>
    public void Measure(bool counted, CancellationToken cancellation)
    {
        var start = Stopwatch.GetTimestamp();
        _model.EmbedIds(_texts, cancellation);
        if (counted) _seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    /// <inheritdoc/>
    public BenchRow Result(ModelWork work, MachineSpeed machine)
    {
        var seconds = SpeedRow.Median(_seconds);
        var gigaflops = _texts.Length * work.EncoderFlops(_tokens) / 1e9 / seconds;
        var passes = Math.Ceiling((double)_texts.Length * _tokens / _model.Model.Runner.Size.Rows);
        var gigabytes = passes * _model.WeightBytes / 1e9 / seconds;
        return new BenchRow(Name, _texts.Length * _tokens / seconds, gigabytes, gigaflops, gigaflops / machine.FmaGigaflops);
    }

    /// <inheritdoc/>
    public void Dispose() { }

    private int[] Ids(int text) =>
        [.. Enumerable.Range(0, _tokens).Select(i => (int)((i * 7919L + text * 104729L + 12345) % _model.Model.VocabularySize))];
}
