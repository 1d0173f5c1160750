namespace Coppice.Kernels.Tests.Reference;

/// <summary>Compression in double precision, step by step from the method's description.</summary>
internal static class ChunkEncoder
{
    /// <summary>Compresses k and v [tokens][heads · dim].</summary>
    /// <param name="chunk">An empty chunk, which is filled.</param>
    /// <param name="k">Keys.</param>
    /// <param name="v">Values.</param>
    /// <param name="layer">Index of the layer.</param>
    /// <param name="number">Number of the chunk.</param>
    /// <param name="omega">The start of the power iteration: (head, 0 or 1, row, column); null for the hash.</param>
    public static CompressedChunk Encode(CompressedChunk chunk, float[][] k, float[][] v, int layer, int number,
        Func<int, int, int, int, double>? omega = null)
    {
        omega ??= (head, part, row, column) => Start(chunk.Codec.Seed, layer, head, part, number, row, column);
        Encode(chunk, chunk.Keys, k, (head, row, column) => omega(head, 0, row, column));
        Encode(chunk, chunk.Values, v, (head, row, column) => omega(head, 1, row, column));
        return chunk;
    }

    /// <summary>What codes leave, [tokens, dim], 0 at outliers and exact tokens; before factors.</summary>
    public static double[,] Rest(CompressedChunk chunk, CompressedChunk.Part part, float[][] x, int head)
    {
        var rest = new double[chunk.Tokens, chunk.Dim];
        for (var t = chunk.Exact; t < chunk.Tokens; t++)
            for (var d = 0; d < chunk.Dim; d++)
                rest[t, d] = x[t][head * chunk.Dim + d] - part.Minimum(head, t, d) - part.Scale(head, t, d) * part.Codes[head, t, d];
        for (var vector = 0; vector < part.Vectors; vector++)
            for (var i = 0; i < 2 * part.Outliers; i++)
                if (part.Place(vector, i) is var place && place.Head == head) rest[place.Token, place.Channel] = 0;
        return rest;
    }

    /// <summary>One entry of the published start matrices.</summary>
    public static double Start(ulong seed, int layer, int head, int part, int number, int row, int column)
    {
        const ulong g = 0x9E3779B97F4A7C15;
        static ulong Mix(ulong z)
        {
            z ^= z >> 30;
            z *= 0xBF58476D1CE4E5B9;
            z ^= z >> 27;
            z *= 0x94D049BB133111EB;
            return z ^ z >> 31;
        }
        var h = Mix(unchecked(seed + g));
        foreach (var v in new[] { layer, head, part, number, row, column }) h = Mix(unchecked((h ^ (ulong)v) + g));
        return h >> 63 == 1 ? -1 : 1;
    }

    private static void Encode(CompressedChunk chunk, CompressedChunk.Part part, float[][] x, Func<int, int, int, double> omega)
    {
        SelectOutliers(chunk, part, x);
        var excluded = new bool[chunk.Heads, chunk.Tokens, chunk.Dim];
        for (var vector = 0; vector < part.Vectors; vector++)
            for (var i = 0; i < 2 * part.Outliers; i++)
            {
                var (head, token, channel) = part.Place(vector, i);
                excluded[head, token, channel] = true;
            }
        if (part.ByRange) FindWidths(chunk, part, x, excluded);
        FindScales(chunk, part, x, excluded);
        for (var head = 0; head < chunk.Heads; head++)
            for (var t = 0; t < chunk.Tokens; t++)
                for (var d = 0; d < chunk.Dim; d++)
                {
                    var scale = part.Scale(head, t, d);
                    var code = scale == 0 ? 0 : Math.Round((x[t][head * chunk.Dim + d] - part.Minimum(head, t, d)) / scale);
                    part.Codes[head, t, d] = (int)Math.Clamp(code, 0, (1 << part.Widths[head, d]) - 1);
                    if (t < chunk.Exact) part.ExactRows[head, t, d] = Half(x[t][head * chunk.Dim + d]);
                }
        for (var head = 0; head < chunk.Heads; head++)
        {
            if (chunk.Rank > 0) Factorise(chunk, part, Rest(chunk, part, x, head), head, omega);
        }
        for (var vector = 0; vector < part.Vectors; vector++)
            for (var i = 0; i < 2 * part.Outliers; i++)
            {
                var (head, t, d) = part.Place(vector, i);
                if (t < chunk.Exact) continue;
                part.Sparse[head, t, d] = 0;
                part.Deltas[vector, i] = Half(x[t][head * chunk.Dim + d] - chunk.Element(part, head, t, d));
                part.Sparse[head, t, d] = part.Deltas[vector, i];
            }
    }

    private static void SelectOutliers(CompressedChunk chunk, CompressedChunk.Part part, float[][] x)
    {
        for (var vector = 0; vector < part.Vectors && part.Outliers > 0; vector++)
        {
            var first = part.ByChannel ? chunk.Exact : 0;
            var elements = Enumerable.Range(first, part.VectorLength)
                .Select(i => (Index: i, Value: part.ByChannel ? x[i][vector] : x[vector][i])).ToArray();
            var smallest = elements.OrderBy(e => e.Value).ThenBy(e => e.Index).Take(part.Outliers).ToArray();
            var largest = elements.Except(smallest).OrderByDescending(e => e.Value).ThenBy(e => e.Index).Take(part.Outliers);
            var positions = smallest.Concat(largest).Select(e => e.Index).Order().ToArray();
            if (!part.ByChannel && vector < chunk.Exact) positions = [.. Enumerable.Range(0, positions.Length)];
            for (var i = 0; i < positions.Length; i++) part.Positions[vector, i] = positions[i];
        }
    }

    /// <summary>The widths of a head with the mean that is asked for, 1 to 8 each, whose sum of range² / (2^width - 1)² is least.</summary>
    private static void FindWidths(CompressedChunk chunk, CompressedChunk.Part part, float[][] x, bool[,,] excluded)
    {
        for (var head = 0; head < chunk.Heads; head++)
        {
            var squares = new double[chunk.Dim];
            for (var d = 0; d < chunk.Dim; d++)
                squares[d] = Enumerable.Range(chunk.Exact, chunk.Tokens - chunk.Exact).Where(t => !excluded[head, t, d])
                    .GroupBy(t => part.Group(t, d), t => x[t][head * chunk.Dim + d])
                    .Sum(group => Math.Pow((double)group.Max() - group.Min(), 2));
            // What a bit takes off is less than what the one before it has, so the largest of all are taken.
            var bits = from d in Enumerable.Range(0, chunk.Dim)
                       from width in Enumerable.Range(1, 7)
                       select (Channel: d, Gain: squares[d] * (1 / Math.Pow((1 << width) - 1, 2) - 1 / Math.Pow((2 << width) - 1, 2)));
            var taken = bits.OrderByDescending(bit => bit.Gain).ThenBy(bit => bit.Channel).Take((part.Bits - 1) * chunk.Dim)
                .CountBy(bit => bit.Channel).ToDictionary();
            for (var d = 0; d < chunk.Dim; d++) part.Widths[head, d] = 1 + taken.GetValueOrDefault(d);
        }
    }

    private static void FindScales(CompressedChunk chunk, CompressedChunk.Part part, float[][] x, bool[,,] excluded)
    {
        var members = new List<float>[part.Scales.GetLength(0), part.Scales.GetLength(1), part.Scales.GetLength(2)];
        for (var head = 0; head < chunk.Heads; head++)
            for (var t = chunk.Exact; t < chunk.Tokens; t++)
                for (var d = 0; d < chunk.Dim; d++)
                {
                    if (excluded[head, t, d]) continue;
                    ref var group = ref members[part.Shared ? 0 : head, part.Group(t, d), part.ByChannel ? d : t];
                    (group ??= []).Add(x[t][head * chunk.Dim + d]);
                }
        for (var i = 0; i < members.GetLength(0); i++)
            for (var j = 0; j < members.GetLength(1); j++)
                for (var m = 0; m < members.GetLength(2); m++)
                {
                    if (members[i, j, m] is not { } group) continue;
                    var (low, high) = (group.Min(), group.Max());
                    if (part.HasMinimum)
                    {
                        part.Minima[i, j, m] = Half(low);
                        part.Scales[i, j, m] = Half((high - low) / ((1 << (part.ByChannel ? part.Widths[i, m] : part.Bits)) - 1));
                    }
                    else if (part.Bits == 8) part.Scales[i, j, m] = Half(Math.Max(Math.Abs(low), Math.Abs(high)) / 127f);
                    else part.Scales[i, j, m] = Half((high >= -low ? high : low) / -(1 << part.Bits - 1));
                }
    }

    /// <summary>repeat: B = orth(B); A = orth(R B); B = Rᵀ A. Then as they are stored.</summary>
    private static void Factorise(CompressedChunk chunk, CompressedChunk.Part part, double[,] rest, int head, Func<int, int, int, double> omega)
    {
        var (n, dim, rank) = (chunk.Tokens, chunk.Dim, chunk.Rank);
        double[,] a = new double[n, rank], b = new double[dim, rank];
        for (var d = 0; d < dim; d++)
            for (var r = 0; r < rank; r++) b[d, r] = omega(head, d, r);
        for (var loop = 0; loop < chunk.Codec.Loops; loop++)
        {
            Orthonormalise(b);
            for (var t = 0; t < n; t++)
                for (var r = 0; r < rank; r++) a[t, r] = Enumerable.Range(0, dim).Sum(d => rest[t, d] * b[d, r]);
            Orthonormalise(a);
            for (var d = 0; d < dim; d++)
                for (var r = 0; r < rank; r++) b[d, r] = Enumerable.Range(0, n).Sum(t => rest[t, d] * a[t, r]);
        }
        for (var r = 0; r < rank; r++)
        {
            for (var t = 0; t < n; t++) part.A[head, t, r] = a[t, r];
            for (var d = 0; d < dim; d++) part.B[head, d, r] = b[d, r];
            Store(part.A, head, r, chunk.Codec.Factors);
            Store(part.B, head, r, chunk.Codec.Factors);
        }
    }

    private static void Orthonormalise(double[,] columns)
    {
        var (length, count) = (columns.GetLength(0), columns.GetLength(1));
        double Dot(int i, int j) => Enumerable.Range(0, length).Sum(k => columns[k, i] * columns[k, j]);
        for (var c = 0; c < count; c++)
        {
            var before = Math.Sqrt(Dot(c, c));
            for (var turn = 0; turn < 2; turn++)
                for (var e = 0; e < c; e++)
                {
                    var share = Dot(e, c);
                    for (var k = 0; k < length; k++) columns[k, c] -= share * columns[k, e];
                }
            var after = Math.Sqrt(Dot(c, c));
            for (var k = 0; k < length; k++) columns[k, c] = after > 1e-6 * before ? columns[k, c] / after : 0;
        }
    }

    private static void Store(double[,,] factor, int head, int r, KvFactorType type)
    {
        var length = factor.GetLength(1);
        var scale = Half(Enumerable.Range(0, length).Max(i => Math.Abs(factor[head, i, r])) / 127);
        for (var i = 0; i < length; i++)
        {
            ref var x = ref factor[head, i, r];
            if (type == KvFactorType.F16) x = Half(x);
            else x = scale == 0 ? 0 : scale * Math.Clamp(Math.Round(x / scale), -127, 127);
        }
    }

    private static double Half(double x) => SmallFloat.Binary16.Decode(SmallFloat.Binary16.Encode(Math.Clamp(x, -65504, 65504)));
}
