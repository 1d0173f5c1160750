using Coppice.Cache;
using Coppice.Decoding.Verification;
using Coppice.Kernels;
using Coppice.Kernels.Memory;
using Coppice.Models;

namespace Coppice.Tests.Support;

/// <summary>Runs single passes of a model over caches of any kind and returns the logits of all rows.</summary>
internal sealed class PassRunner : IDisposable
{
    private readonly LanguageModel _model;
    private readonly Workspace _workspace;
    private readonly List<IDisposable> _owned = [];

    public PassRunner(LanguageModel model)
    {
        _model = model;
        _workspace = new Workspace(model.Backend, model.Spec, model.Size);
        Batch = new ForwardBatch(model.Size, model.MaxTokens);
    }

    public ForwardBatch Batch { get; }

    public KvCache Dense(ElementType type = ElementType.F32)
    {
        var geometry = _model.Geometry with { Type = type };
        var capacity = _model.MaxTokens + 64;
        var pool = Own(_model.Backend.CreatePool("kv", DenseKvCache.Bytes(geometry, capacity) + 4096));
        return Own(new DenseKvCache(_model.Backend, pool, geometry, capacity));
    }

    /// <summary>A cache whose pages come in a shuffled order, others taken in between.</summary>
    public KvCache Paged(int seed, ElementType type = ElementType.F32)
    {
        var geometry = _model.Geometry with { Type = type };
        var order = Enumerable.Range(0, 12).ToArray();
        new Random(seed).Shuffle(order);
        var pool = Own(_model.Backend.CreatePool("kv", KvPagePool.Bytes(_model.Backend, geometry, 12) + 65536));
        var pages = Own(new KvPagePool(pool, geometry, 12, order));
        return Own(new PagedKvCache(_model.Backend, pool, pages, _model.MaxTokens + 64));
    }

    /// <summary>One pass over the tokens behind the cache, which are kept.</summary>
    public float[] Run(KvCache cache, ReadOnlySpan<int> tokens)
    {
        Batch.Clear();
        Batch.Add(cache, tokens);
        var logits = Run();
        cache.Advance(tokens.Length);
        return logits;
    }

    /// <summary>One pass over a tree, of which nothing is kept yet.</summary>
    public float[] Run(KvCache cache, TokenTree tree)
    {
        Batch.Clear();
        Batch.AddTree(cache, tree.Tokens, tree.Depths, tree.Paths);
        return Run();
    }

    /// <summary>Passes over so many nodes of a tree at a time, of which nothing is kept yet.</summary>
    public float[] Run(KvCache cache, TokenTree tree, int nodesAtOnce)
    {
        var logits = new List<float>();
        for (var first = 0; first < tree.Count; first += nodesAtOnce)
        {
            var end = Math.Min(first + nodesAtOnce, tree.Count);
            Batch.Clear();
            Batch.AddTree(cache, tree.Tokens[first..end], tree.Depths[first..end], tree.Paths[(first * tree.PathLength)..], behind: first);
            logits.AddRange(Run());
        }
        return [.. logits];
    }

    /// <summary>One pass over the batch as it is.</summary>
    public float[] Run()
    {
        _model.Transformer.Forward(Batch, _workspace);
        var rows = Enumerable.Range(0, Batch.Rows).ToArray();
        var logits = new float[rows.Length * _model.VocabularySize];
        _model.Backend.Download(_model.Transformer.Logits(_workspace, rows), logits.AsSpan());
        return logits;
    }

    public TokenTree NewTree() => new(_model.Size.TreeRows, _model.Size.PathLength - 1);

    public void Dispose()
    {
        for (var i = _owned.Count - 1; i >= 0; i--) _owned[i].Dispose();
        _workspace.Dispose();
    }

    private T Own<T>(T item) where T : IDisposable
    {
        _owned.Add(item);
        return item;
    }
}
