namespace Coppice.Kernels.Tests.Reference;

/// <summary>
/// A compressed chunk as plain arrays, read from and written to its bytes as the layout's documentation has them, and reconstructed in
/// double precision. Shares no code with the product.
/// </summary>
internal sealed class CompressedChunk
{
    public CompressedChunk(KvCodec codec, int heads, int dim, int tokens, int rank, int exact)
    {
        (Codec, Heads, Dim, Tokens, Exact) = (codec, heads, dim, tokens, exact);
        Rank = Math.Min(rank, Math.Min(tokens - exact, dim));
        Keys = new Part(this, isKeys: true);
        Values = new Part(this, isKeys: false);
    }

    public KvCodec Codec { get; }
    public int Heads { get; }
    public int Dim { get; }
    public int Tokens { get; }
    public int Rank { get; }
    public int Exact { get; }
    /// <summary>Weights of the channels of keys, and bits of heads, where widths follow them.</summary>
    public float[]? Weights { get; init; }
    public int[]? HeadBits { get; init; }
    public Part Keys { get; }
    public Part Values { get; }

    public static CompressedChunk Read(ReadOnlySpan<byte> bytes, KvCodec codec, int heads, int dim, int tokens, int rank, int exact)
    {
        var chunk = new CompressedChunk(codec, heads, dim, tokens, rank, exact);
        chunk.Visit(new ChunkBits(bytes[64..].ToArray(), writes: false));
        return chunk;
    }

    /// <summary>Header (zeros), content and padding.</summary>
    public byte[] Write()
    {
        var bits = new ChunkBits([], writes: true);
        Visit(bits);
        var content = bits.ToArray();
        var all = new byte[(64 + content.Length + 63) / 64 * 64];
        content.CopyTo(all, 64);
        return all;
    }

    /// <summary>What token <paramref name="t"/> of a head stands for in channel <paramref name="d"/>.</summary>
    public double Element(Part part, int head, int t, int d)
    {
        if (t < Exact) return part.ExactRows[head, t, d];
        var x = part.ChannelScale(head, d) * (part.Minimum(head, t, d) + part.Scale(head, t, d) * part.Codes[head, t, d]);
        for (var r = 0; r < Rank; r++) x += part.A[head, t, r] * part.B[head, d, r];
        return x + part.Sparse[head, t, d];
    }

    private void Visit(ChunkBits bits)
    {
        Keys.VisitCodes(bits);
        Values.VisitCodes(bits);
        Keys.VisitScales(bits);
        Values.VisitScales(bits);
        Keys.VisitFactors(bits);
        Values.VisitFactors(bits);
        Keys.VisitOutliers(bits);
        Values.VisitOutliers(bits);
        Keys.VisitWidths(bits);
        Keys.VisitExact(bits);
        Values.VisitExact(bits);
    }

    /// <summary>The keys or the values.</summary>
    public sealed class Part
    {
        private readonly CompressedChunk _chunk;
        private readonly bool _isKeys;
        private long _codesAt;

        public Part(CompressedChunk chunk, bool isKeys)
        {
            (_chunk, _isKeys) = (chunk, isKeys);
            var (codec, heads, dim, tokens) = (chunk.Codec, chunk.Heads, chunk.Dim, chunk.Tokens);
            Bits = isKeys ? codec.KeyBits : codec.ValueBits;
            ByChannel = isKeys && codec.Backbone is KvBackbone.Kivi or KvBackbone.Kcvt or KvBackbone.KcvtHeads && isKeys;
            Shared = !isKeys && codec.Backbone == KvBackbone.Kcvt;
            if (ByChannel) GroupSize = codec.Backbone == KvBackbone.Kivi ? Math.Min(codec.GroupSize, tokens) : tokens;
            else if (codec.Backbone is KvBackbone.Kcvt or KvBackbone.KcvtHeads) GroupSize = dim;
            else
                GroupSize = Enumerable.Range(1, Math.Min(dim, codec.GroupSize)).LastOrDefault(g => dim % g == 0
                    && (isKeys || g == dim || Planes(Bits).All(w => g * w % 32 == 0)), dim);
            Groups = ByChannel ? (tokens + GroupSize - 1) / GroupSize : dim / GroupSize;
            var policy = isKeys ? codec.KeyOutliers : codec.ValueOutliers;
            VectorLength = ByChannel ? tokens - chunk.Exact : heads * dim;
            var most = (int)Math.Floor((decimal)VectorLength * (decimal)codec.Sparsity / 2);
            if (codec.Sparsity > 0 && policy == KvOutlierCount.AtLeastOne) most = Math.Max(1, most);
            Outliers = Math.Min(most, VectorLength / 2);
            Vectors = ByChannel ? heads * dim : tokens;
            ByRange = isKeys && codec.KeyBitsByRange;
            Codes = new int[heads, tokens, dim];
            Widths = new int[heads, dim];
            for (var i = 0; i < heads * dim; i++) Widths[i / dim, i % dim] = Bits;
            var scaleHeads = Shared ? 1 : heads;
            Minima = new double[scaleHeads, Groups, ByChannel ? dim : tokens];
            Scales = new double[scaleHeads, Groups, ByChannel ? dim : tokens];
            InBytes = codec.Scales == KvScaleType.I8 && !Shared;
            Bounds = new double[scaleHeads, 4];
            ScaleBytes = new int[2, scaleHeads, Groups, ByChannel ? dim : tokens];
            ChannelScales = new double[heads, codec.Backbone == KvBackbone.TwoAxis ? dim : 0];
            A = new double[heads, tokens, chunk.Rank];
            B = new double[heads, dim, chunk.Rank];
            Positions = new int[Vectors, 2 * Outliers];
            Deltas = new double[Vectors, 2 * Outliers];
            Sparse = new double[heads, tokens, dim];
            ExactRows = new double[heads, chunk.Exact, dim];
        }

        public int Bits { get; }
        /// <summary>Whether channels have widths of their own.</summary>
        public bool ByRange { get; }
        /// <summary>Bits of the codes of a channel, [heads, dim].</summary>
        public int[,] Widths { get; }
        public bool ByChannel { get; }
        public bool Shared { get; }
        public int GroupSize { get; }
        public int Groups { get; }
        public int VectorLength { get; }
        public int Outliers { get; }
        public int Vectors { get; }
        public bool HasMinimum => _chunk.Codec.Backbone != KvBackbone.Symmetric;
        /// <summary>[heads, tokens, dim].</summary>
        public int[,,] Codes { get; }
        /// <summary>[heads, groups, dim or tokens].</summary>
        public double[,,] Minima { get; }
        public double[,,] Scales { get; }
        /// <summary>Whether minima and scales are bytes.</summary>
        public bool InBytes { get; }
        /// <summary>[heads, 4]: what byte 0 of minima stands for, a step of them, and the same of scales.</summary>
        public double[,] Bounds { get; }
        /// <summary>[minima or scales, heads, groups, dim or tokens].</summary>
        public int[,,,] ScaleBytes { get; }
        /// <summary>[heads, dim], or [heads, 0] where channels have none.</summary>
        public double[,] ChannelScales { get; }
        /// <summary>[heads, tokens, rank] and [heads, dim, rank].</summary>
        public double[,,] A { get; }
        public double[,,] B { get; }
        /// <summary>[vectors, 2 · outliers].</summary>
        public int[,] Positions { get; }
        public double[,] Deltas { get; }
        /// <summary>The deltas where they belong, [heads, tokens, dim].</summary>
        public double[,,] Sparse { get; }
        public double[,,] ExactRows { get; }
        /// <summary>What the codes are of, [tokens][heads · dim], where the chunk was made here.</summary>
        public float[][] Coded { get; set; } = [];

        public double Minimum(int head, int t, int d) =>
            HasMinimum ? Minima[Shared ? 0 : head, Group(t, d), ByChannel ? d : t] : -(1 << Bits - 1) * Scale(head, t, d);
        public double Scale(int head, int t, int d) => Scales[Shared ? 0 : head, Group(t, d), ByChannel ? d : t];
        public double ChannelScale(int head, int d) => ChannelScales.GetLength(1) == 0 ? 1 : ChannelScales[head, d];
        public int Group(int t, int d) => Shared ? 0 : (ByChannel ? t : d) / GroupSize;

        /// <summary>Where an outlier of a vector lies.</summary>
        public (int Head, int Token, int Channel) Place(int vector, int i) => ByChannel
            ? (vector / _chunk.Dim, Positions[vector, i], vector % _chunk.Dim)
            : (Positions[vector, i] / _chunk.Dim, vector, Positions[vector, i] % _chunk.Dim);

        private static IEnumerable<int> Planes(int bits) => Enumerable.Range(0, 4).Select(i => 8 >> i).Where(w => (bits & w) != 0);

        internal void VisitCodes(ChunkBits bits)
        {
            var (heads, dim, tokens) = (_chunk.Heads, _chunk.Dim, _chunk.Tokens);
            if (ByRange)
            {
                // What is read needs the widths, which come later.
                _codesAt = bits.At;
                if (bits.Writes) VisitChannels(bits);
                else bits.At += (long)heads * dim * Bits * tokens;
                return;
            }
            var shift = 0;
            foreach (var width in Planes(Bits))
            {
                for (var head = 0; head < heads; head++)
                    for (var run = 0; run < (_isKeys ? dim : tokens); run++)
                    {
                        for (var i = 0; i < (_isKeys ? tokens : dim); i++)
                        {
                            ref var code = ref Codes[head, _isKeys ? i : run, _isKeys ? run : i];
                            code |= bits.Bits(code >> shift & ((1 << width) - 1), width) << shift;
                        }
                        bits.FillWord();
                    }
                shift += width;
            }
        }

        private void VisitChannels(ChunkBits bits)
        {
            for (var head = 0; head < _chunk.Heads; head++)
                for (var d = 0; d < _chunk.Dim; d++)
                {
                    var shift = 0;
                    foreach (var width in Planes(Widths[head, d]))
                    {
                        for (var t = 0; t < _chunk.Tokens; t++)
                        {
                            ref var code = ref Codes[head, t, d];
                            code |= bits.Bits(code >> shift & ((1 << width) - 1), width) << shift;
                        }
                        shift += width;
                    }
                }
        }

        internal void VisitWidths(ChunkBits bits)
        {
            if (!ByRange) return;
            for (var head = 0; head < _chunk.Heads; head++)
            {
                for (var d = 0; d < _chunk.Dim; d++) Widths[head, d] = bits.Bits(Widths[head, d], 4);
                bits.FillWord();
            }
            if (bits.Writes) return;
            var end = bits.At;
            bits.At = _codesAt;
            VisitChannels(bits);
            bits.At = end;
        }

        internal void VisitScales(ChunkBits bits)
        {
            if (InBytes) VisitScaleBytes(bits);
            else
            {
                if (HasMinimum) VisitHalves(Minima, bits);
                VisitHalves(Scales, bits);
            }
            for (var head = 0; head < _chunk.Heads; head++)
                for (var d = 0; d < ChannelScales.GetLength(1); d++) ChannelScales[head, d] = bits.Half(ChannelScales[head, d]);
        }

        private void VisitScaleBytes(ChunkBits bits)
        {
            for (var head = 0; head < Bounds.GetLength(0); head++)
                for (var i = 0; i < 4; i++) Bounds[head, i] = bits.Half(Bounds[head, i]);
            for (var which = HasMinimum ? 0 : 1; which < 2; which++)
                for (var head = 0; head < Bounds.GetLength(0); head++)
                    for (var group = 0; group < Groups; group++)
                        for (var i = 0; i < Scales.GetLength(2); i++)
                        {
                            var place = bits.Bits(ScaleBytes[which, head, group, i], 8);
                            ScaleBytes[which, head, group, i] = place;
                            // As one fused multiply-add in single precision.
                            (which == 0 ? Minima : Scales)[head, group, i] =
                                MathF.FusedMultiplyAdd((float)Bounds[head, 2 * which + 1], place, (float)Bounds[head, 2 * which]);
                        }
            bits.FillWord();
        }

        internal void VisitFactors(ChunkBits bits)
        {
            if (_chunk.Codec.Factors == KvFactorType.F16)
            {
                VisitColumns(A, (head, i, r) => A[head, i, r] = bits.Half(A[head, i, r]));
                VisitColumns(B, (head, i, r) => B[head, i, r] = bits.Half(B[head, i, r]));
                return;
            }
            double[,] a = new double[_chunk.Heads, _chunk.Rank], b = new double[_chunk.Heads, _chunk.Rank];
            for (var head = 0; head < _chunk.Heads; head++)
                for (var r = 0; r < _chunk.Rank; r++) a[head, r] = bits.Half(Largest(A, head, r) / 127);
            for (var head = 0; head < _chunk.Heads; head++)
                for (var r = 0; r < _chunk.Rank; r++) b[head, r] = bits.Half(Largest(B, head, r) / 127);
            VisitColumns(A, (head, i, r) => A[head, i, r] = a[head, r] * bits.SignedByte(A[head, i, r] / a[head, r]));
            VisitColumns(B, (head, i, r) => B[head, i, r] = b[head, r] * bits.SignedByte(B[head, i, r] / b[head, r]));
            bits.FillWord();
        }

        internal void VisitOutliers(ChunkBits bits)
        {
            for (var vector = 0; vector < Vectors; vector++)
                for (var i = 0; i < 2 * Outliers; i++) Positions[vector, i] = bits.Bits(Positions[vector, i], 16);
            for (var vector = 0; vector < Vectors; vector++)
                for (var i = 0; i < 2 * Outliers; i++)
                {
                    Deltas[vector, i] = bits.Half(Deltas[vector, i]);
                    var (head, token, channel) = Place(vector, i);
                    if (token >= _chunk.Exact) Sparse[head, token, channel] = Deltas[vector, i];
                }
        }

        internal void VisitExact(ChunkBits bits) => VisitHalves(ExactRows, bits);

        private static void VisitHalves(double[,,] numbers, ChunkBits bits)
        {
            for (var i = 0; i < numbers.GetLength(0); i++)
                for (var j = 0; j < numbers.GetLength(1); j++)
                    for (var k = 0; k < numbers.GetLength(2); k++) numbers[i, j, k] = bits.Half(numbers[i, j, k]);
        }

        private static void VisitColumns(double[,,] factor, Action<int, int, int> visit)
        {
            for (var head = 0; head < factor.GetLength(0); head++)
                for (var r = 0; r < factor.GetLength(2); r++)
                    for (var i = 0; i < factor.GetLength(1); i++) visit(head, i, r);
        }

        private static double Largest(double[,,] factor, int head, int r) =>
            Enumerable.Range(0, factor.GetLength(1)).Max(i => Math.Abs(factor[head, i, r]));
    }
}
