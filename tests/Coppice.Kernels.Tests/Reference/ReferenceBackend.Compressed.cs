namespace Coppice.Kernels.Tests.Reference;

internal sealed unsafe partial class ReferenceBackend
{
    protected override void KvCompressCore(in PagedKv source, int first, KvChunkLayout layout, int layer, int number, Tensor chunks,
        int unit) => Compress(new Cache(source), first, layout, layer, number, chunks, unit);
    protected override void KvCompressCore(in DenseKv source, int first, KvChunkLayout layout, int layer, int number, Tensor chunks,
        int unit) => Compress(new Cache(source), first, layout, layer, number, chunks, unit);

    protected override void KvCompressCore(Tensor k, Tensor v, KvChunkLayout layout, int layer, int number, Tensor chunks, int unit) =>
        Compress([.. Enumerable.Range(0, k.Rows).Select(t => Row(k, t).ToArray())], [.. Enumerable.Range(0, v.Rows).Select(t =>
            Row(v, t).ToArray())], layout, layer, number, chunks, unit);

    protected override void AttendBlocksCore(Tensor q, in CompressedKv kv, in AttentionMask mask, float scale, float softCap, Tensor states)
    {
        var chunks = new List<(int First, CompressedChunk Chunk)>();
        for (var i = 0; i < kv.Table.Rows; i++)
        {
            var row = Integers(kv.Table, i);
            var layout = kv.Layouts[row[2]];
            var bytes = new ReadOnlySpan<byte>((byte*)kv.Chunks.Address + 64L * row[0], layout.StoredBytes);
            chunks.Add((row[1], CompressedChunk.Read(bytes, layout.Codec, layout.KvHeads, layout.HeadDim, layout.Tokens, layout.Rank,
                layout.Exact)));
        }
        for (var t = 0; t < q.Rows; t++)
        {
            var position = mask.Start + (mask.Depths.IsEmpty ? t : Integers(mask.Depths, t)[0]);
            var window = mask.Window == 0 ? int.MinValue : position - mask.Window;
            var seen = new List<(CompressedChunk Chunk, int Token)>();
            foreach (var (first, chunk) in chunks)
                for (var token = 0; token < chunk.Tokens; token++)
                    if (first + token > window && first + chunk.Tokens <= Horizon(kv.Horizon, position)) seen.Add((chunk, token));
            for (var head = 0; head < q.Shape[1]; head++)
            {
                var kvHead = head * kv.Layouts[0].KvHeads / q.Shape[1];
                Accumulate(Row(q, t).Slice(head * q.Last, q.Last), seen.Count, (i, d) => seen[i].Chunk.Element(seen[i].Chunk.Keys, kvHead,
                    seen[i].Token, d), (i, d) => seen[i].Chunk.Element(seen[i].Chunk.Values, kvHead, seen[i].Token, d), scale, softCap,
                    Row(states, t).Slice(head * (q.Last + 2), q.Last + 2), continues: false);
            }
        }
    }

    protected override void AttendBlocksCore(Tensor q, in PagedKv kv, in AttentionMask mask, in KvHorizon from, float scale, float softCap,
        Tensor states, bool continues) => AttendFrom(q, new Cache(kv), mask, from, scale, softCap, states, continues);
    protected override void AttendBlocksCore(Tensor q, in DenseKv kv, in AttentionMask mask, in KvHorizon from, float scale, float softCap,
        Tensor states, bool continues) => AttendFrom(q, new Cache(kv), mask, from, scale, softCap, states, continues);

    protected override void MergeBlocksCore(Tensor states, Tensor y)
    {
        for (var t = 0; t < y.Rows; t++)
            for (var head = 0; head < y.Shape[1]; head++)
            {
                var state = Row(states, t).Slice(head * (y.Last + 2), y.Last + 2);
                for (var d = 0; d < y.Last; d++)
                    Row(y, t)[head * y.Last + d] = state[^1] > 0 ? (float)((double)state[d] / state[^1]) : 0f;
            }
    }

    protected override void RotateCore(Tensor x)
    {
        var n = Enumerable.Range(0, 31).Select(bit => 1 << bit).Last(power => x.Last % power == 0);
        for (var t = 0; t < x.Rows; t++)
            for (var first = 0; first < x.Shape.RowLength; first += n)
            {
                var run = Row(x, t).Slice(first, n);
                var before = run.ToArray();
                for (var i = 0; i < n; i++)
                    run[i] = (float)(Enumerable.Range(0, n).Sum(j =>
                        int.IsOddInteger(System.Numerics.BitOperations.PopCount((uint)(i & j)))
                            ? -(double)before[j] : before[j]) / Math.Sqrt(n));
            }
    }

    private static void Compress(Cache source, int first, KvChunkLayout layout, int layer, int number, in Tensor chunks, int unit)
    {
        float[][] k = new float[layout.Tokens][], v = new float[layout.Tokens][];
        for (var t = 0; t < layout.Tokens; t++)
        {
            (k[t], v[t]) = (new float[layout.KvHeads * layout.HeadDim], new float[layout.KvHeads * layout.HeadDim]);
            for (var i = 0; i < k[t].Length; i++)
            {
                k[t][i] = (float)source.ReadKey(first + t, i / layout.HeadDim, i % layout.HeadDim);
                v[t][i] = (float)source.ReadValue(first + t, i / layout.HeadDim, i % layout.HeadDim);
            }
        }
        Compress(k, v, layout, layer, number, chunks, unit);
    }

    private static void Compress(float[][] k, float[][] v, KvChunkLayout layout, int layer, int number, in Tensor chunks, int unit)
    {
        var chunk = new CompressedChunk(layout.Codec, layout.KvHeads, layout.HeadDim, layout.Tokens, layout.Rank, layout.Exact);
        ChunkEncoder.Encode(chunk, k, v, layer, number).Write()
            .CopyTo(new Span<byte>((byte*)chunks.Address + 64L * unit, layout.StoredBytes));
    }

    private static void AttendFrom(in Tensor q, Cache cache, AttentionMask mask, KvHorizon from, double scale, double softCap,
        in Tensor states, bool continues)
    {
        for (var t = 0; t < q.Rows; t++)
        {
            var last = mask.IsFull ? q.Rows - 1 : t;
            var position = mask.Start + (mask.Paths.IsEmpty ? last : Integers(mask.Depths, t)[0]);
            var slots = mask.IsFull ? [.. Enumerable.Range(0, mask.Start + q.Rows)] : VisibleSlots(mask, t);
            // Slots are by ascending position, the last being the row itself.
            var hidden = Math.Max(0, Horizon(from, position) - (position - slots.Count + 1));
            slots = [.. slots.Skip(hidden)];
            for (var head = 0; head < q.Shape[1]; head++)
            {
                var kvHead = head * cache.KvHeads / q.Shape[1];
                Accumulate(Row(q, t).Slice(head * q.Last, q.Last), slots.Count, (i, d) => cache.ReadKey(slots[i], kvHead, d),
                    (i, d) => cache.ReadValue(slots[i], kvHead, d), scale, softCap,
                    Row(states, t).Slice(head * (q.Last + 2), q.Last + 2), continues);
            }
        }
    }

    private static int Horizon(KvHorizon from, int position)
    {
        if (from.Step == 0) return from.Tokens;
        var chunks = 0;
        while ((chunks + 1) * from.Step <= from.Tokens && (chunks + 1) * from.Step + from.Delay <= position) chunks++;
        return chunks * from.Step;
    }

    /// <summary>o = Σ e^(s - m) v, m and l over <paramref name="count"/> keys, and what the state holds already.</summary>
    private static void Accumulate(ReadOnlySpan<float> query, int count, Func<int, int, double> key, Func<int, int, double> value,
        double scale, double softCap, Span<float> state, bool continues)
    {
        var x = query.ToArray();
        var scores = Enumerable.Range(0, count).Select(i =>
            Capped(scale * Enumerable.Range(0, x.Length).Sum(d => x[d] * key(i, d)), softCap)).ToArray();
        double oldMax = continues ? state[^2] : double.NegativeInfinity;
        var max = Math.Max(oldMax, scores.DefaultIfEmpty(double.NegativeInfinity).Max());
        var keep = double.IsNegativeInfinity(oldMax) ? 0 : Math.Exp(oldMax - max);
        var sum = keep == 0 ? 0 : keep * state[^1];
        for (var d = 0; d < x.Length; d++)
        {
            var total = keep == 0 ? 0 : keep * state[d];
            for (var i = 0; i < count; i++) total += Math.Exp(scores[i] - max) * value(i, d);
            state[d] = (float)total;
        }
        (state[^2], state[^1]) = ((float)max, (float)(sum + scores.Sum(s => Math.Exp(s - max))));
    }
}
