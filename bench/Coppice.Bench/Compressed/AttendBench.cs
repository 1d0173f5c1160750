using System.Diagnostics;
using System.Globalization;
using Coppice.Cache;
using Coppice.Kernels;
using Coppice.Kernels.Memory;
using Coppice.Loading;
using static Coppice.Bench.Percentiles;

namespace Coppice.Bench.Compressed;

/// <summary>
/// Attention of one token over every kind of cache, against the context: time and bytes read of all layers, beside F16 in the same process,
/// the kinds in turn.
/// </summary>
internal static class AttendBench
{
    private const int FillRows = 64;

    /// <summary>
    /// `compressed [--kinds "f16 kv-28"] [--contexts "1024 8192"] [--layers 30] [--heads 9] [--kv-heads 3] [--head-dim 64] [--threads N]
    /// [--rounds 20]`.
    /// </summary>
    public static int Run(Func<string, string?> take)
    {
        var kinds = Words(take("--kinds") ?? "f16 q8 q4 kivi2 kivi3 kivi4 gearl2 gear2 gear4 kv-16 kv-22 kv-28 kv-35 kv-53");
        if (!kinds.Contains("f16")) kinds = ["f16", .. kinds];
        var contexts = Words(take("--contexts") ?? "512 1024 2048 4096 8192 16384").Select(Number).ToArray();
        var (layers, rounds) = (Number(take("--layers") ?? "30"), Number(take("--rounds") ?? "20"));
        var (heads, kvHeads, headDim) =
            (Number(take("--heads") ?? "9"), Number(take("--kv-heads") ?? "3"), Number(take("--head-dim") ?? "64"));
        using var backend = DeviceFactory.Create("cpu", Number(take("--threads") ?? "0"));
        Console.WriteLine($"{layers} layers, {heads} heads, {kvHeads} KV heads of {headDim}, {backend.Name}");
        Console.WriteLine("| context | kind | us a token | GB/s | against F16 | bytes of F16 |");
        Console.WriteLine("|--:|---|--:|--:|--:|--:|");
        using var tensors = new Rows(backend, heads, kvHeads, headDim);
        var caches = kinds.Select(kind => (Kind: kind, Cache: tensors.NewCache(kind, layers, contexts.Max() + FillRows))).ToArray();
        foreach (var context in contexts.Order())
        {
            foreach (var (_, cache) in caches) tensors.Fill(cache, layers, context);
            var times = caches.Select(_ => new List<double>()).ToArray();
            for (var round = 0; round < rounds + 2; round++)
                for (var i = 0; i < caches.Length; i++)
                {
                    var time = tensors.Attend(caches[i].Cache, layers);
                    if (round >= 2) times[i].Add(time);
                }
            var f16 = Array.IndexOf(kinds, "f16");
            for (var i = 0; i < caches.Length; i++)
            {
                var bytes = caches[i].Cache.BytesInUse;
                var exact = 2L * sizeof(ushort) * layers * kvHeads * headDim * context;
                // Pairs of one round, so that a busy machine slows both.
                var (ratio, time) = (Median(times[f16].Zip(times[i], (f, t) => f / t)), Median(times[i]));
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"| {context} | {kinds[i]} | {time:f0} | {bytes / time / 1000:f1} | {ratio:f2} | {100.0 * bytes / exact:f0} % |"));
            }
        }
        foreach (var (_, cache) in caches) cache.Dispose();
        return 0;
    }

    private static string[] Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    /// <summary>Queries, keys and values of some rows, and what caches share.</summary>
    private sealed class Rows : IDisposable
    {
        private readonly Backend _backend;
        private readonly MemoryPool _memory;
        private readonly Tensor _q, _k, _v, _y, _states;
        private readonly int _kvHeads, _headDim;

        public Rows(Backend backend, int heads, int kvHeads, int headDim)
        {
            (_backend, _kvHeads, _headDim) = (backend, kvHeads, headDim);
            var (queries, keys) = (new Shape(FillRows, heads, headDim), new Shape(FillRows, kvHeads, headDim));
            var states = new Shape(FillRows, heads, headDim + KvChunkFormat.StateScalars);
            _memory = backend.CreatePool("rows", 4 * (2 * queries.Count + 2 * keys.Count + states.Count) + 4096);
            (_q, _y, _k, _v) = (_memory.Rent(queries), _memory.Rent(queries), _memory.Rent(keys), _memory.Rent(keys));
            _states = _memory.Rent(states);
            var random = new Random(1);
            // Channels of real keys differ in range, and so do the widths of their codes.
            var ranges = Enumerable.Range(0, kvHeads * headDim).Select(_ => MathF.Pow(2f, 4f * random.NextSingle() - 2f)).ToArray();
            foreach (var tensor in (Tensor[])[_q, _k, _v])
            {
                var isKeys = tensor.Buffer == _k.Buffer;
                backend.Upload<float>([.. Enumerable.Range(0, (int)tensor.Shape.Count)
                    .Select(i => (random.NextSingle() - 0.5f) * (isKeys ? ranges[i % ranges.Length] : 1f))], tensor);
            }
        }

        public KvCache NewCache(string kind, int layers, int capacity)
        {
            var options = KvCacheOptions.Named(kind);
            var geometry = new KvGeometry(layers, _kvHeads, _headDim, options.Type);
            var format = options.Compression is { } compression ? new KvChunkFormat(compression, geometry, FillRows) : null;
            return KvCacheKind.Create(new KvSource(_backend, geometry, null, format, _states), capacity);
        }

        /// <summary>Appends rows until <paramref name="cache"/> holds <paramref name="context"/> tokens.</summary>
        public void Fill(KvCache cache, int layers, int context)
        {
            while (cache.Length < context)
            {
                var rows = Math.Min(FillRows, context - cache.Length);
                cache.Reserve(rows);
                for (var layer = 0; layer < layers; layer++)
                {
                    cache.Append(layer, _k.Slice(0, rows), _v.Slice(0, rows));
                    // The last row alone, which compresses what is due.
                    cache.Attend(layer, _q.Slice(0, 1), AttentionMask.Causal(cache.Length + rows - 1), 0.125f, 0, _y.Slice(0, 1));
                }
                cache.Advance(rows);
            }
        }

        /// <summary>Microseconds of one token's attention in all layers.</summary>
        public double Attend(KvCache cache, int layers)
        {
            cache.Reserve(1);
            for (var layer = 0; layer < layers; layer++) cache.Append(layer, _k.Slice(0, 1), _v.Slice(0, 1));
            var start = Stopwatch.GetTimestamp();
            for (var layer = 0; layer < layers; layer++)
                cache.Attend(layer, _q.Slice(0, 1), AttentionMask.Causal(cache.Length), 0.125f, 0, _y.Slice(0, 1));
            return Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        }

        public void Dispose()
        {
            foreach (var tensor in (Tensor[])[_q, _k, _v, _y, _states]) tensor.Buffer.Dispose();
            _memory.Dispose();
        }
    }
}
