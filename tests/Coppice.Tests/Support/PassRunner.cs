using Coppice.Cache;
using Coppice.Decoding.Verification;
using Coppice.Execution;
using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Tests.Support;

/// <summary>Runs single passes of a model over caches of any kind and returns the logits of all rows.</summary>
internal sealed class PassRunner : IDisposable
{
    private readonly ModelRunner _runner;
    private readonly LanguageModel _model;
    private readonly List<IDisposable> _owned = [];

    public PassRunner(LanguageModel model) => (_model, _runner) = (model, model.Runner);

    public KvCache Dense(ElementType type = ElementType.F32)
    {
        var geometry = _model.Runner.Geometry with { Type = type };
        var capacity = _model.ContextLength + 64;
        var pool = Own(_model.Backend.CreatePool("kv", DenseKvCache.Bytes(geometry, capacity) + 4096));
        return Own(new DenseKvCache(_model.Backend, pool, geometry, capacity));
    }

    /// <summary>A cache whose pages come in a shuffled order, others taken in between.</summary>
    public KvCache Paged(int seed, ElementType type = ElementType.F32)
    {
        var geometry = _model.Runner.Geometry with { Type = type };
        var order = Enumerable.Range(0, 12).ToArray();
        new Random(seed).Shuffle(order);
        var pool = Own(_model.Backend.CreatePool("kv", KvPagePool.Bytes(_model.Backend, geometry, 12) + 65536));
        var pages = Own(new KvPagePool(pool, geometry, 12, order));
        return Own(new PagedKvCache(_model.Backend, pool, pages, _model.ContextLength + 64));
    }

    /// <summary>One pass over the tokens after the cache, which are kept.</summary>
    public float[] Run(KvCache cache, ReadOnlySpan<int> tokens)
    {
        var logits = Run(Stretch(cache, tokens.ToArray()));
        cache.Advance(tokens.Length);
        return logits;
    }

    /// <summary>One pass over a tree, of which nothing is kept yet.</summary>
    public float[] Run(KvCache cache, TokenTree tree)
    {
        var request = new PassRequest();
        request.Nodes(cache, tree);
        return Run(request);
    }

    /// <summary>Passes over some nodes of a tree at a time, of which nothing is kept yet.</summary>
    public float[] Run(KvCache cache, TokenTree tree, int nodesAtOnce)
    {
        var logits = new List<float>();
        for (var first = 0; first < tree.Count; first += nodesAtOnce)
        {
            var end = Math.Min(first + nodesAtOnce, tree.Count);
            var request = new PassRequest();
            request.Nodes(cache, tree.TokenMemory[first..end], tree.DepthMemory[first..end], tree.PathMemory[(first * tree.PathLength)..],
                first);
            logits.AddRange(Run(request));
        }
        return [.. logits];
    }

    /// <summary>Consecutive tokens, all of which need logits.</summary>
    public static PassRequest Stretch(KvCache cache, int[] tokens)
    {
        var request = new PassRequest();
        request.Stretch(cache, tokens, nodes: tokens.Length);
        return request;
    }

    /// <summary>One pass over several requests: the logits of all their rows.</summary>
    public float[] Run(params PassRequest[] requests)
    {
        var vocabulary = _model.VocabularySize;
        _runner.Run(requests);
        var logits = new List<float>();
        foreach (var request in requests)
        {
            for (var first = 0; first < request.NodeCount; first += _runner.Size.LogitRows)
            {
                var block = new float[Math.Min(_runner.Size.LogitRows, request.NodeCount - first) * vocabulary];
                request.Output.Download(first, block.Length / vocabulary, block);
                logits.AddRange(block);
            }
        }
        return [.. logits];
    }

    public TokenTree NewTree() => new(_model.Runner.Size.TreeRows, _model.Runner.Size.PathLength - 1);

    public void Dispose()
    {
        for (var i = _owned.Count - 1; i >= 0; i--) _owned[i].Dispose();
    }

    private T Own<T>(T item) where T : IDisposable
    {
        _owned.Add(item);
        return item;
    }
}
