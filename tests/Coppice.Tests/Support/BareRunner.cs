using Coppice.Cache;
using Coppice.Execution;
using Coppice.Kernels;
using Coppice.Models;
using Coppice.Weights;

namespace Coppice.Tests.Support;

/// <summary>A runner over the model of a folder and nothing else: encoders too, on any back end, which it disposes.</summary>
internal sealed class BareRunner : IDisposable
{
    private readonly Backend _backend;
    private readonly ModelWeights _weights;
    private readonly List<IDisposable> _caches = [];

    public BareRunner(string folder, Backend backend)
    {
        _backend = backend;
        var config = File.ReadAllText(Path.Combine(folder, "config.json"));
        var (family, spec) = ModelFamily.Read(ConfigReader.Parse(config));
        using var checkpoint = Checkpoint.Open(folder);
        var plan = CheckpointPlan.Of(checkpoint, spec, family.Map(spec)).Weights;
        _weights = WeightLoader.Load(backend, checkpoint, plan, new WeightSettings(WeightFormat.F32), 1);
        Runner = new ModelRunner(backend, spec, _weights, contextLength: 256, rows: 96, new KvCacheOptions(), sharedTokens: 0);
    }

    public ModelRunner Runner { get; }
    public ModelSpec Spec => Runner.Spec;
    /// <summary>All layers, and the two states that have names.</summary>
    public int[] AllLayers => [HiddenLayer.Embedding, .. Enumerable.Range(0, Spec.Layers.Count), HiddenLayer.Final];

    public KvCache NewCache()
    {
        var cache = Runner.NewCache(Runner.ContextLength);
        _caches.Add(cache);
        return cache;
    }

    /// <summary>One pass over the tokens after the cache, which are kept: [layers, tokens, hidden].</summary>
    public float[] Run(KvCache cache, int[] tokens, params int[] layers)
    {
        var request = new PassRequest();
        request.Stretch(cache, tokens, nodes: 0);
        var states = Run(request, layers);
        cache.Advance(tokens.Length);
        return states;
    }

    /// <summary>One pass over the request, which was filled: [layers, rows, hidden].</summary>
    public float[] Run(PassRequest request, params int[] layers)
    {
        request.Hidden(layers, 0, request.Rows);
        Runner.Run(request);
        return [.. layers.SelectMany(layer => Read(request, layer, 0, request.Rows))];
    }

    /// <summary>States of a pass that has run: [count, hidden].</summary>
    public float[] Read(PassRequest request, int layer, int first, int count)
    {
        var states = new float[count * Spec.HiddenSize];
        request.Output.Hidden(layer, first, count, states);
        return states;
    }

    public void Dispose()
    {
        foreach (var cache in _caches) cache.Dispose();
        Runner.Dispose();
        _weights.Dispose();
        _backend.Dispose();
    }
}
