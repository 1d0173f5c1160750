using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    private CompressJob? _compress;

    protected override void KvCompressCore(in PagedKv source, int first, KvChunkLayout layout, int layer, int number, Tensor chunks,
        int unit) => CompressPages(new PagedPages(source), source.Keys.Type, first, layout, layer, number, chunks, unit);

    protected override void KvCompressCore(in DenseKv source, int first, KvChunkLayout layout, int layer, int number, Tensor chunks,
        int unit) => CompressPages(new DensePages(source), source.Keys.Type, first, layout, layer, number, chunks, unit);

    protected override void KvCompressCore(Tensor k, Tensor v, KvChunkLayout layout, int layer, int number, Tensor chunks, int unit)
    {
        var job = Begin(layout, layer, number, chunks, unit);
        for (var token = 0; token < layout.Tokens; token++)
            for (var head = 0; head < layout.KvHeads; head++)
            {
                float* key = Row(k, token) + head * layout.HeadDim, value = Row(v, token) + head * layout.HeadDim;
                for (var d = 0; d < layout.HeadDim; d++) job.Keys(head)[(long)d * job.KeyLength + token] = Limited(key[d]);
                Widen<F32Element<TLanes>>((byte*)value, 0, layout.HeadDim, job.Values(head) + (long)token * job.ValueLength);
            }
        Compress(job);
    }

    private void CompressPages<TPages>(TPages pages, ElementType type, int first, KvChunkLayout layout, int layer, int number,
        in Tensor chunks, int unit) where TPages : struct, IHostPages
    {
        var job = Begin(layout, layer, number, chunks, unit);
        for (var head = 0; head < layout.KvHeads; head++)
        {
            switch (type)
            {
                case ElementType.F32: ReadHead<TPages, F32Element<TLanes>>(job, pages, first, head); break;
                case ElementType.F16: ReadHead<TPages, F16Element<TLanes>>(job, pages, first, head); break;
                default: ReadHead<TPages, BF16Element<TLanes>>(job, pages, first, head); break;
            }
        }
        Compress(job);
    }

    private CompressJob Begin(KvChunkLayout layout, int layer, int number, in Tensor chunks, int unit)
    {
        var job = _compress ??= new CompressJob();
        job.Set(layout, layer, number, (byte*)chunks.Address + (long)unit * KvChunkLayout.Unit);
        job.Place(_scratch.Get(job.ScratchBytes));
        return job;
    }

    /// <summary>One head of the source as F32: keys [headDim][tokens], values [tokens][headDim], rows padded to whole vectors.</summary>
    private static void ReadHead<TPages, TElement>(CompressJob job, TPages pages, int first, int head)
        where TPages : struct, IHostPages where TElement : struct, IKvElement<TLanes>
    {
        const int size = KvLayout.PageSize;
        var (heads, headDim, tokens) = (job.Layout.KvHeads, job.Layout.HeadDim, job.Layout.Tokens);
        float* keys = job.Keys(head), values = job.Values(head);
        for (var token = 0; token < tokens;)
        {
            var (block, column) = Math.DivRem(first + token, size);
            var count = Math.Min(size - column, tokens - token);
            var at = ((long)pages.Page(block) * heads + head) * headDim * size * TElement.Size;
            for (var d = 0; d < headDim; d++)
                Widen<TElement>(pages.Keys + at, d * size + column, count, keys + (long)d * job.KeyLength + token);
            for (var j = 0; j < count; j++)
                Widen<TElement>(pages.Values + at, (column + j) * headDim, headDim, values + (long)(token + j) * job.ValueLength);
            token += count;
        }
    }

    /// <summary>As F32, no larger than F16 can be, since scales are F16; NaN is the lowest.</summary>
    private static void Widen<TElement>(byte* source, int index, int count, float* target) where TElement : struct, IKvElement<TLanes>
    {
        TLanes low = TLanes.Broadcast(-LargestHalf), high = TLanes.Broadcast(LargestHalf);
        var i = 0;
        for (; i <= count - Lanes; i += Lanes)
            TLanes.Store(TLanes.Min(TLanes.Max(TElement.Load(source, index + i), low), high), target + i);
        for (; i < count; i++) target[i] = Limited(TElement.LoadOne(source, index + i));
    }

    private static float Limited(float x) => x > -LargestHalf ? MathF.Min(x, LargestHalf) : -LargestHalf;

    private void Compress(CompressJob job)
    {
        foreach (var phase in job.Phases)
        {
            job.Phase = phase;
            _team.Run(job, job.Parts);
        }
    }

    /// <summary>The compression of one chunk: keys and values of the heads are parts; what spans heads is a phase of its own.</summary>
    private sealed partial class CompressJob : Job
    {
        /// <summary>What the parts of a run do.</summary>
        internal enum Step
        {
            /// <summary>Outliers, and scales where heads share them, of some tokens over all heads.</summary>
            Tokens,
            /// <summary>Everything else, of the keys or values of a head.</summary>
            Heads,
        }

        private static readonly Step[] Both = [Step.Tokens, Step.Heads], Last = [Step.Heads];

        private byte* _chunk;
        private float* _scratch;
        private int _layer, _number;

        internal KvChunkLayout Layout { get; private set; } = null!;
        internal Step Phase { get; set; }
        /// <summary>Floats of a channel of the keys: tokens, up to whole vectors.</summary>
        internal int KeyLength { get; private set; }
        /// <summary>Floats of a token of the values.</summary>
        internal int ValueLength { get; private set; }

        internal void Set(KvChunkLayout layout, int layer, int number, byte* chunk)
        {
            (Layout, _layer, _number) = (layout, layer, number);
            _chunk = chunk;
            KeyLength = RoundUp(layout.Tokens);
            ValueLength = RoundUp(layout.HeadDim);
        }

        internal void Place(float* scratch)
        {
            _scratch = scratch;
            new Span<byte>(_chunk, KvChunkLayout.HeaderBytes).Clear();
            WriteHeader();
            new Span<byte>(_chunk + KvChunkLayout.HeaderBytes + Layout.Bytes,
                Layout.StoredBytes - KvChunkLayout.HeaderBytes - Layout.Bytes).Clear();
        }

        internal ReadOnlySpan<Step> Phases => SpansHeads(Layout.Keys) || SpansHeads(Layout.Values) ? Both : Last;

        internal int Parts => Phase == Step.Heads ? 2 * Layout.KvHeads : (Layout.Tokens + TokensOfPart - 1) / TokensOfPart;
        private const int TokensOfPart = 16;

        /// <summary>Keys of a head, [headDim][tokens], then what codes leave of them.</summary>
        internal float* Keys(int head) => _scratch + (long)head * Layout.HeadDim * KeyLength;
        /// <summary>Values of a head, [tokens][headDim], then what codes leave of them.</summary>
        internal float* Values(int head) =>
            _scratch + (long)Layout.KvHeads * Layout.HeadDim * KeyLength + (long)head * Layout.Tokens * ValueLength;
        /// <summary>Memory of part <paramref name="part"/> of a phase.</summary>
        private float* Work(int part) =>
            _scratch + (long)Layout.KvHeads * (Layout.HeadDim * KeyLength + Layout.Tokens * ValueLength) + part * WorkFloats;

        /// <summary>Three numbers for each lane, codes, factors of both sides, and what codes leave at outliers.</summary>
        private long WorkFloats => 5L * Longest + 2L * Layout.Rank * Longest + RoundUp(Math.Max(OutlierFloats(Layout.Keys),
            OutlierFloats(Layout.Values)));
        private int OutlierFloats(KvPartLayout part) => 2 * part.Outliers * (part.AlongTokens ? Layout.HeadDim : Layout.Tokens);
        private int Longest => Math.Max(Math.Max(KeyLength, 64), RoundUp(Layout.KvHeads * Layout.HeadDim));

        internal long ScratchBytes => sizeof(float) * ((long)Layout.KvHeads * (Layout.HeadDim * KeyLength + Layout.Tokens * ValueLength)
            + Math.Max(2 * Layout.KvHeads, (Layout.Tokens + TokensOfPart - 1) / TokensOfPart) * WorkFloats);

        internal override void Execute(int part, int worker)
        {
            if (Phase == Step.Heads)
            {
                var (head, isKeys) = (part / 2, part % 2 == 0);
                new HeadPart(this, head, isKeys, Work(part)).Run();
                return;
            }
            var end = Math.Min(Layout.Tokens, (part + 1) * TokensOfPart);
            for (var token = part * TokensOfPart; token < end; token++)
            {
                if (SpansHeads(Layout.Keys)) SpanHeads(Layout.Keys, token, Work(part));
                if (SpansHeads(Layout.Values)) SpanHeads(Layout.Values, token, Work(part));
            }
        }

        /// <summary>Whether a vector of outliers, or a scale, belongs to all heads of a token.</summary>
        private static bool SpansHeads(KvPartLayout part) => part.IsShared || (part.Outliers > 0 && !part.AlongTokens);

        private static int RoundUp(int count) => (count + Lanes - 1) / Lanes * Lanes;

        /// <summary>What the chunk is, for who reads it back: sizes and codec, little-endian 32-bit integers.</summary>
        private void WriteHeader()
        {
            var codec = Layout.Codec;
            var header = (int*)_chunk;
            ReadOnlySpan<int> fields =
            [
                0x3147564b, Layout.KvHeads, Layout.HeadDim, Layout.Tokens, Layout.Rank, Layout.Exact, (int)codec.Backbone, codec.KeyBits,
                codec.ValueBits, codec.GroupSize, Layout.Keys.Outliers, Layout.Values.Outliers,
                (int)codec.Factors | (codec.KeyBitsByRange ? 256 : 0) | (codec.Scales == KvScaleType.I8 ? 512 : 0)
                    | (codec.FactorsFirst ? 1024 : 0) | (codec.ShrinkFactors ? 2048 : 0), Layout.Bytes, _layer, _number,
            ];
            fields.CopyTo(new Span<int>(header, fields.Length));
        }
    }
}
