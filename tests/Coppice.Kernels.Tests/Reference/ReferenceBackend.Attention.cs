namespace Coppice.Kernels.Tests.Reference;

internal sealed unsafe partial class ReferenceBackend
{
    protected override void KvAppendCore(in DenseKv kv, Tensor k, Tensor v, int start) => Append(new Cache(kv), k, v, start);
    protected override void KvAppendCore(in PagedKv kv, Tensor k, Tensor v, int start) => Append(new Cache(kv), k, v, start);
    protected override void KvMoveCore(in DenseKv kv, ReadOnlySpan<int> sources, int start) => Move(new Cache(kv), sources, start);
    protected override void KvMoveCore(in PagedKv kv, ReadOnlySpan<int> sources, int start) => Move(new Cache(kv), sources, start);

    protected override void AttentionCore(Tensor q, in DenseKv kv, in AttentionMask mask, float scale, float softCap, Tensor y) =>
        Attend(q, new Cache(kv), mask, scale, softCap, y);
    protected override void AttentionCore(Tensor q, in PagedKv kv, in AttentionMask mask, float scale, float softCap, Tensor y) =>
        Attend(q, new Cache(kv), mask, scale, softCap, y);

    private static void Append(Cache cache, in Tensor k, in Tensor v, int start)
    {
        for (var t = 0; t < k.Rows; t++)
        {
            for (var i = 0; i < k.Shape.RowLength; i++)
            {
                var (head, d) = (i / cache.HeadDim, i % cache.HeadDim);
                WriteElement(cache.KeyMemory, cache.Key(start + t, head, d), cache.Type, Row(k, t)[i]);
                WriteElement(cache.ValueMemory, cache.Value(start + t, head, d), cache.Type, Row(v, t)[i]);
            }
        }
    }

    private static void Move(Cache cache, ReadOnlySpan<int> sources, int start)
    {
        for (var j = 0; j < sources.Length; j++)
        {
            for (var head = 0; head < cache.KvHeads; head++)
            {
                for (var d = 0; d < cache.HeadDim; d++)
                {
                    var (key, value) = (cache.ReadKey(sources[j], head, d), cache.ReadValue(sources[j], head, d));
                    WriteElement(cache.KeyMemory, cache.Key(start + j, head, d), cache.Type, key);
                    WriteElement(cache.ValueMemory, cache.Value(start + j, head, d), cache.Type, value);
                }
            }
        }
    }

    /// <summary>softmax(c(scale · q Kᵀ)) V, over the list of slots that each row sees.</summary>
    private static void Attend(in Tensor q, Cache cache, in AttentionMask mask, double scale, double softCap, in Tensor y)
    {
        var heads = q.Shape[1];
        for (var t = 0; t < q.Rows; t++)
        {
            var slots = mask.IsFull ? [.. Enumerable.Range(0, mask.Start + q.Rows)] : VisibleSlots(mask, t);
            for (var head = 0; head < heads; head++)
            {
                var kvHead = head * cache.KvHeads / heads;
                var query = Row(q, t).Slice(head * cache.HeadDim, cache.HeadDim).ToArray();
                var scores = slots.ConvertAll(slot =>
                    Capped(scale * Enumerable.Range(0, query.Length).Sum(d => query[d] * cache.ReadKey(slot, kvHead, d)), softCap));
                var largest = scores.DefaultIfEmpty(0).Max();
                var weights = scores.ConvertAll(s => Math.Exp(s - largest));
                var sum = weights.Sum();
                for (var d = 0; d < query.Length; d++)
                {
                    var total = 0.0;
                    for (var j = 0; j < slots.Count; j++) total += weights[j] * cache.ReadValue(slots[j], kvHead, d);
                    Row(y, t)[head * cache.HeadDim + d] = slots.Count == 0 ? 0f : (float)(total / sum);
                }
            }
        }
    }

    /// <summary>Slots that row <paramref name="t"/> sees, by ascending position.</summary>
    private static List<int> VisibleSlots(AttentionMask mask, int t)
    {
        var depth = mask.Paths.IsEmpty ? t : Integers(mask.Depths, t)[0];
        var position = mask.Start + depth;
        var visible = new List<int>();
        for (var p = 0; p <= position; p++)
        {
            if (mask.Window > 0 && p <= position - mask.Window) continue;
            var fromPath = p >= mask.Start && !mask.Paths.IsEmpty;
            visible.Add(fromPath ? mask.Start + Integers(mask.Paths, t)[p - mask.Start] : p);
        }
        return visible;
    }

    /// <summary>Where the elements of a cache are, dense or paged: the worked example of <see cref="KvLayout"/> as code.</summary>
    private sealed class Cache(Tensor keys, Tensor values, Tensor pageTable)
    {
        public Cache(DenseKv kv) : this(kv.Keys, kv.Values, default) { }
        public Cache(PagedKv kv) : this(kv.Keys, kv.Values, kv.PageTable) { }

        public int KvHeads { get; } = keys.Shape[1];
        public int HeadDim { get; } = keys.Shape[2];
        public ElementType Type { get; } = keys.Type;
        public void* KeyMemory { get; } = (void*)keys.Address;
        public void* ValueMemory { get; } = (void*)values.Address;

        public long Key(int slot, int head, int d) => ((Page(slot) * KvHeads + head) * HeadDim + d) * 64 + slot % 64;
        public long Value(int slot, int head, int d) => ((Page(slot) * KvHeads + head) * 64 + slot % 64) * HeadDim + d;
        public double ReadKey(int slot, int head, int d) => ReadElement(KeyMemory, Key(slot, head, d), Type);
        public double ReadValue(int slot, int head, int d) => ReadElement(ValueMemory, Value(slot, head, d), Type);

        private long Page(int slot)
        {
            var page = pageTable.IsEmpty ? slot / 64 : Integers(pageTable, slot / 64)[0];
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)page, (uint)keys.Rows, nameof(slot));
            return page;
        }
    }
}
