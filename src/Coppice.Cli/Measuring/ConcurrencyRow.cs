namespace Coppice.Cli.Measuring;

/// <summary>N requests at once, beside what the machine allows by the passes alone, measured in the same rounds.</summary>
/// <param name="model">The model.</param>
/// <param name="passes">Times the passes; belongs to whoever made it.</param>
/// <param name="requests">N.</param>
/// <param name="work">What each request is.</param>
/// <param name="options">How it generates.</param>
/// <param name="detail">Told what the limit consists of.</param>
internal sealed class ConcurrencyRow(
    LanguageModel model, SharedPasses passes, int requests, ConcurrencyWork work, GenerationOptions options, Action<string> detail)
    : IMeasuredRow
{
    private const int WarmUpTokens = 16;

    private readonly List<double> _tokensPerSecond = [], _prefill = [], _pass = [];
    private readonly List<(double P50, double P99)> _first = [], _between = [];
    private int _measurements;

    /// <inheritdoc/>
    public string Name { get; } = $"concurrency-{requests}";

    /// <inheritdoc/>
    public void Measure(bool counted, CancellationToken cancellation)
    {
        var now = counted ? work : Short();
        var prefill = passes.PrefillTokensPerSecond(requests, work.PromptTokens);
        var pass = passes.DecodeSeconds(requests, work.PromptTokens + work.NewTokens / 2);
        cancellation.ThrowIfCancellationRequested();
        var prompts = now.Prompts(requests, requests << 10 | _measurements++, model.VocabularySize);
        var times = ConcurrentRequests.Run(model, prompts, options with { MaxTokens = now.NewTokens }, cancellation);
        if (!counted) return;
        _prefill.Add(prefill);
        _pass.Add(pass);
        _tokensPerSecond.Add(work.Tokens(requests) / times.TotalSeconds);
        _first.Add(Percentiles(times.FirstTokenMilliseconds));
        _between.Add(Percentiles(times.BetweenTokensMilliseconds));
    }

    /// <summary>Medians over the rounds, those of percentiles too.</summary>
    public BenchRow Result(ModelWork _, MachineSpeed machine)
    {
        var (prefill, pass, tokens) = (SpeedRow.Median(_prefill), SpeedRow.Median(_pass), SpeedRow.Median(_tokensPerSecond));
        detail($"{Name}: prompts alone {Quantity.Number(prefill)} tokens/s, a pass of {requests} rows {Quantity.Number(1e3 * pass)} ms");
        return new BenchRow(Name, tokens, null, null, tokens / work.Limit(requests, prefill, pass))
        {
            FirstTokenMs = Medians(_first),
            BetweenTokensMs = Medians(_between),
        };
    }

    /// <inheritdoc/>
    public void Dispose() { }

    /// <summary>As many requests, shorter: enough for code to be compiled and memory to be touched.</summary>
    private ConcurrencyWork Short()
    {
        var prompt = Math.Min(work.PromptTokens, WarmUpTokens);
        return new ConcurrencyWork(prompt, Math.Min(work.NewTokens, WarmUpTokens), Math.Min(work.SharedPrefix, prompt));
    }

    private static (double, double) Percentiles(IReadOnlyList<double> values) => (Percentile.Of(values, 0.5), Percentile.Of(values, 0.99));

    private static LatencyPercentiles Medians(List<(double P50, double P99)> rounds) =>
        new(SpeedRow.Median([.. rounds.Select(round => round.P50)]), SpeedRow.Median([.. rounds.Select(round => round.P99)]));
}
