using System.Diagnostics;
using Coppice.Cache;
using Coppice.Execution;

namespace Coppice.Cli.Measuring;

/// <summary>
/// Times the passes of several sequences alone, without the host's work around them: what any scheduler over them is measured against.
/// </summary>
/// <remarks>The only piece of `bench --concurrency` that knows how a pass is put together.</remarks>
internal sealed class SharedPasses : IDisposable
{
    private const int Steps = 4;

    private readonly LanguageModel _model;
    private readonly List<KvCache> _caches = [];
    private readonly List<PassRequest> _requests = [];
    private readonly int[] _prompt;
    private readonly bool _beyond;

    /// <summary>A timer for sequences of at most <paramref name="tokens"/> tokens.</summary>
    public SharedPasses(LanguageModel model, int tokens)
    {
        _model = model;
        _prompt = [.. Enumerable.Range(0, tokens).Select(i => (int)((i * 7919L + 12345) % model.VocabularySize))];
        _beyond = model.Spec.LongPositionsFrom is { } border && tokens > border;
    }

    /// <summary>
    /// Prompt tokens per second where passes are filled with as many of <paramref name="requests"/> prompts of <paramref name="tokens"/>
    /// tokens as fit.
    /// </summary>
    public double PrefillTokensPerSecond(int requests, int tokens)
    {
        var together = Math.Clamp(_model.Runner.Size.Rows / tokens, 1, requests);
        for (var i = 0; i < together; i++) Cache(i).Truncate(0);
        var time = Time(() => Fill(0, together, tokens));
        return together * tokens / time;
    }

    /// <summary>
    /// t(N): seconds of a pass with one row for each of <paramref name="requests"/> sequences after <paramref name="context"/> tokens,
    /// the best token of each included.
    /// </summary>
    public double DecodeSeconds(int requests, int context)
    {
        for (var i = 0; i < requests; i++)
        {
            var sequence = i;
            if (Cache(i).Length > context) Cache(i).Truncate(context);
            if (Cache(i).Length < context) _model.Scheduler.Exclusive(() => Fill(sequence, 1, context));
        }
        var time = Time(() =>
        {
            for (var step = 0; step < Steps; step++) Decode(requests, context);
        });
        return time / Steps;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var cache in _caches) cache.Dispose();
    }

    private double Time(Action work)
    {
        var time = 0.0;
        _model.Scheduler.Exclusive(() =>
        {
            var start = Stopwatch.GetTimestamp();
            work();
            time = Stopwatch.GetElapsedTime(start).TotalSeconds;
        });
        return time;
    }

    private KvCache Cache(int index)
    {
        while (_caches.Count <= index) _caches.Add(_model.Runner.NewCache(_prompt.Length));
        return _caches[index];
    }

    /// <summary>Computes what the sequences lack of <paramref name="tokens"/> tokens, in as few passes as they fit.</summary>
    private void Fill(int first, int count, int tokens)
    {
        var most = _model.Runner.Size.Rows;
        for (var sequence = first; sequence < first + count;)
        {
            _requests.Clear();
            var (rows, ended) = (0, 0);
            for (var next = sequence; next < first + count && rows < most; next++)
            {
                var cache = Cache(next);
                var stretch = Math.Min(tokens - cache.Length, most - rows);
                var isLast = cache.Length + stretch == tokens;
                Add(cache, _prompt.AsMemory(cache.Length, stretch), isLast ? 1 : 0);
                rows += stretch;
                if (isLast) ended++;
            }
            Run();
            foreach (var request in _requests) request.Cache.Advance(request.Rows);
            sequence += ended;
        }
    }

    private void Decode(int requests, int context)
    {
        _requests.Clear();
        for (var i = 0; i < requests; i++) Add(Cache(i), _prompt.AsMemory(context, 1), 1);
        Run();
    }

    private void Add(KvCache cache, ReadOnlyMemory<int> tokens, int nodes)
    {
        var request = new PassRequest { TopCount = 1, Eager = true };
        request.Stretch(cache, tokens, nodes, _beyond);
        _model.Scheduler.Reserve(cache, request.Rows);
        _requests.Add(request);
    }

    private void Run()
    {
        _model.Runner.Run([.. _requests]);
        foreach (var request in _requests)
        {
            if (request.NodeCount > 0) request.Output.Best(0, 1, out _);
        }
    }
}
