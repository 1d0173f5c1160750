using System.Diagnostics;
using Coppice.Cache;
using Coppice.Kernels.Memory;
using Coppice.Models;

namespace Coppice.Cli.Measuring;

/// <summary>A row of one session alone: a pass of one size that is timed again in every round.</summary>
internal abstract class SpeedRow : IMeasuredRow
{
    private readonly List<double> _seconds = [];

    /// <summary>A row with a session of its own, which takes nothing from the others.</summary>
    protected SpeedRow(string name, LanguageModel model)
    {
        Name = name;
        Session = model.NewSession(new SessionOptions { SharePrefixes = false });
    }

    /// <summary>decode-CONTEXT, decode-TOKENS@CONTEXT or prefill-TOKENS.</summary>
    public string Name { get; }
    /// <summary>Tokens that one measurement of a round gives or takes.</summary>
    public abstract int Tokens { get; }

    /// <summary>The row's session.</summary>
    protected Session Session { get; }

    /// <summary>Bytes and operations of one measurement.</summary>
    public abstract (double Bytes, double Flops) Work(ModelWork work);

    /// <inheritdoc/>
    public void Measure(bool counted, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var time = Run(counted);
        if (counted) _seconds.Add(time.TotalSeconds);
    }

    /// <summary>The median of the rounds.</summary>
    public double Seconds => Median(_seconds);

    /// <summary>The median of the rounds, beside what <paramref name="machine"/> could do.</summary>
    public BenchRow Result(ModelWork work, MachineSpeed machine)
    {
        var seconds = Seconds;
        var (bytes, flops) = Work(work);
        var limit = Math.Max(bytes / 1e9 / machine.ReadGigabytes, flops / 1e9 / machine.FmaGigaflops);
        return new BenchRow(Name, Tokens / seconds, bytes / 1e9 / seconds, flops / 1e9 / seconds, limit / seconds);
    }

    /// <summary>The middle one, or the mean of the middle two.</summary>
    public static double Median(IReadOnlyList<double> values)
    {
        double[] sorted = [.. values.Order()];
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /// <inheritdoc/>
    public void Dispose() => Session.Dispose();

    /// <summary>Runs once; what is not <paramref name="counted"/> may be shorter.</summary>
    protected abstract TimeSpan Run(bool counted);

    /// <summary>
    /// Generates <paramref name="tokens"/> tokens after <paramref name="prompt"/>: greedy, without drafts and without an end; says how long
    /// it took.
    /// </summary>
    protected TimeSpan Generate(int[] prompt, int tokens)
    {
        var start = Stopwatch.GetTimestamp();
        foreach (var _ in Session.Generate(prompt, new GenerationOptions { MaxTokens = tokens, IgnoreEos = true })) { }
        return Stopwatch.GetElapsedTime(start);
    }

    /// <summary>Tokens without meaning, the same in every run.</summary>
    public static int[] Prompt(int length, int vocabulary) =>
        [.. Enumerable.Range(0, length).Select(i => (int)((i * 7919L + 12345) % vocabulary))];
}

/// <summary>Tokens one after the other, after a context.</summary>
internal sealed class DecodeRow : SpeedRow
{
    private const int WarmUpSteps = 16;
    private readonly int[] _prompt;
    private readonly int _context, _steps;
    private bool _filled;

    /// <summary><paramref name="steps"/> tokens, the first of which sees <paramref name="context"/> others and itself.</summary>
    public DecodeRow(LanguageModel model, string name, int context, int steps) : base(name, model) =>
        (_prompt, _context, _steps) = (Prompt(context + 1, model.VocabularySize), context, steps);

    public override int Tokens => _steps;

    public override (double Bytes, double Flops) Work(ModelWork work)
    {
        var (bytes, flops) = (0.0, 0.0);
        for (var step = 0; step < _steps; step++)
        {
            bytes += work.Bytes(1, _context + step);
            flops += work.Flops(1, _context + step);
        }
        return (bytes, flops);
    }

    /// <summary>
    /// The first round fills the cache, untimed; all keep the context, so that the last token of the prompt is the first step.
    /// </summary>
    protected override TimeSpan Run(bool counted)
    {
        if (!_filled) Generate(_prompt, 1);
        _filled = true;
        return Generate(_prompt, counted ? _steps : Math.Min(_steps, WarmUpSteps));
    }
}

/// <summary>A prompt up to its first token.</summary>
internal sealed class PrefillRow : SpeedRow
{
    private readonly int[] _prompt;
    private readonly int _chunk;

    public PrefillRow(LanguageModel model, int tokens) : base($"prefill-{tokens}", model) =>
        (_prompt, _chunk) = (Prompt(tokens, model.VocabularySize), model.Runner.Size.Rows);

    public override int Tokens => _prompt.Length;

    public override (double Bytes, double Flops) Work(ModelWork work)
    {
        var (bytes, flops) = (0.0, 0.0);
        for (var first = 0; first < _prompt.Length; first += _chunk)
        {
            var rows = Math.Min(_chunk, _prompt.Length - first);
            bytes += work.Bytes(rows, first);
            flops += work.Flops(rows, first);
        }
        return (bytes, flops);
    }

    protected override TimeSpan Run(bool counted)
    {
        Session.Reset();
        return Generate(_prompt, 1);
    }
}
