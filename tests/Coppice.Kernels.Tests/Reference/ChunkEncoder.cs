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
    /// <param name="given">
    /// A chunk whose scales of channels, and factors where they come first, are taken as they are, so that what follows from them can be
    /// compared exactly; null for none.
    /// </param>
    public static CompressedChunk Encode(CompressedChunk chunk, float[][] k, float[][] v, int layer, int number,
        Func<int, int, int, int, double>? omega = null, CompressedChunk? given = null)
    {
        omega ??= (head, part, row, column) => Start(chunk.Codec.Seed, layer, head, part, number, row, column);
        Encode(chunk, chunk.Keys, k, (head, row, column) => omega(head, 0, row, column), given?.Keys);
        Encode(chunk, chunk.Values, v, (head, row, column) => omega(head, 1, row, column), given?.Values);
        return chunk;
    }

    /// <summary>What codes leave, [tokens, dim], 0 at outliers and exact tokens; before factors.</summary>
    public static double[,] Rest(CompressedChunk chunk, CompressedChunk.Part part, float[][] x, int head)
    {
        var rest = new double[chunk.Tokens, chunk.Dim];
        for (var t = chunk.Exact; t < chunk.Tokens; t++)
            for (var d = 0; d < chunk.Dim; d++)
                rest[t, d] = x[t][head * chunk.Dim + d]
                    - part.ChannelScale(head, d) * (part.Minimum(head, t, d) + part.Scale(head, t, d) * part.Codes[head, t, d]);
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

    private static void Encode(CompressedChunk chunk, CompressedChunk.Part part, float[][] x, Func<int, int, int, double> omega,
        CompressedChunk.Part? given)
    {
        SelectOutliers(chunk, part, x);
        var excluded = new bool[chunk.Heads, chunk.Tokens, chunk.Dim];
        for (var vector = 0; vector < part.Vectors; vector++)
            for (var i = 0; i < 2 * part.Outliers; i++)
            {
                var (head, token, channel) = part.Place(vector, i);
                excluded[head, token, channel] = true;
            }
        var isFirst = chunk.Codec.FactorsFirst && chunk.Rank > 0;
        // What codes are of: tokens, without the factors where these come first, over the scales of channels; in single precision.
        var coded = isFirst ? Left(chunk, part, x, excluded, omega, given) : x;
        coded = Divided(chunk, part, coded, given);
        part.Coded = coded;
        if (part.ByRange) FindWidths(chunk, part, coded, excluded);
        FindScales(chunk, part, coded, excluded);
        for (var head = 0; head < chunk.Heads; head++)
            for (var t = 0; t < chunk.Tokens; t++)
                for (var d = 0; d < chunk.Dim; d++)
                {
                    var scale = part.Scale(head, t, d);
                    var code = scale == 0 ? 0 : Math.Round((coded[t][head * chunk.Dim + d] - part.Minimum(head, t, d)) / scale);
                    part.Codes[head, t, d] = (int)Math.Clamp(code, 0, (1 << part.Widths[head, d]) - 1);
                    if (t < chunk.Exact) part.ExactRows[head, t, d] = Half(x[t][head * chunk.Dim + d]);
                }
        for (var head = 0; head < chunk.Heads; head++)
        {
            if (chunk.Rank > 0 && !isFirst) Factorise(chunk, part, Rest(chunk, part, x, head), head, omega);
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

    /// <summary>Tokens minus their own factors, exact ones 0.</summary>
    private static float[][] Left(CompressedChunk chunk, CompressedChunk.Part part, float[][] x, bool[,,] excluded,
        Func<int, int, int, double> omega, CompressedChunk.Part? given)
    {
        var left = x.Select(row => row.ToArray()).ToArray();
        for (var head = 0; head < chunk.Heads; head++)
        {
            var tokens = new double[chunk.Tokens, chunk.Dim];
            for (var t = chunk.Exact; t < chunk.Tokens; t++)
                for (var d = 0; d < chunk.Dim; d++) tokens[t, d] = excluded[head, t, d] ? 0 : x[t][head * chunk.Dim + d];
            if (given is null) Factorise(chunk, part, tokens, head, omega);
            for (var t = 0; t < chunk.Tokens; t++)
                for (var d = 0; d < chunk.Dim; d++)
                {
                    var product = (float)tokens[t, d];
                    for (var r = 0; r < chunk.Rank; r++)
                    {
                        if (given is not null) (part.A[head, t, r], part.B[head, d, r]) = (given.A[head, t, r], given.B[head, d, r]);
                        product = MathF.FusedMultiplyAdd(-(float)part.A[head, t, r], (float)part.B[head, d, r], product);
                    }
                    if (excluded[head, t, d] && t >= chunk.Exact) product += x[t][head * chunk.Dim + d];
                    left[t][head * chunk.Dim + d] = product;
                }
        }
        return left;
    }

    /// <summary>Each channel over its root mean square, where channels have scales.</summary>
    private static float[][] Divided(CompressedChunk chunk, CompressedChunk.Part part, float[][] x, CompressedChunk.Part? given)
    {
        if (part.ChannelScales.GetLength(1) == 0) return x;
        var divided = x.Select(row => row.ToArray()).ToArray();
        for (var head = 0; head < chunk.Heads; head++)
            for (var d = 0; d < chunk.Dim; d++)
            {
                var channel = head * chunk.Dim + d;
                var scale = Half(Math.Sqrt(Enumerable.Range(chunk.Exact, chunk.Tokens - chunk.Exact)
                    .Average(t => (double)x[t][channel] * x[t][channel])));
                if (scale == 0) scale = 1;
                if (given is not null)
                {
                    if (Math.Abs(given.ChannelScales[head, d] - scale) > scale / 1000)
                        throw new InvalidDataException(
                            $"the scale of channel {d} of head {head} must be {scale}, is {given.ChannelScales[head, d]}");
                    scale = given.ChannelScales[head, d];
                }
                part.ChannelScales[head, d] = scale;
                for (var t = 0; t < chunk.Tokens; t++) divided[t][channel] = x[t][channel] / (float)scale;
            }
        return divided;
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
                    .Sum(group => Math.Pow((double)group.Max() - group.Min(), 2)) * (chunk.Weights?[head * chunk.Dim + d] ?? 1);
            // What a bit takes off is less than what the one before it has, so the largest of all are taken.
            var bits = from d in Enumerable.Range(0, chunk.Dim)
                       from width in Enumerable.Range(1, 7)
                       select (Channel: d, Gain: squares[d] * (1 / Math.Pow((1 << width) - 1, 2) - 1 / Math.Pow((2 << width) - 1, 2)));
            var more = (chunk.HeadBits?[head] ?? part.Bits * chunk.Dim) - chunk.Dim;
            var taken = bits.OrderByDescending(bit => bit.Gain).ThenBy(bit => bit.Channel).Take(more)
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
        if (part.InBytes)
        {
            FindScaleBytes(part, members);
            return;
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

    /// <summary>
    /// Bytes between a head's smallest and largest: of minima those at or below what they stand for, of scales those at or above what the
    /// largest element then needs; symmetric ones the nearest.
    /// </summary>
    private static void FindScaleBytes(CompressedChunk.Part part, List<float>[,,] members)
    {
        for (var head = 0; head < members.GetLength(0); head++)
        {
            var groups = (from j in Enumerable.Range(0, members.GetLength(1))
                          from m in Enumerable.Range(0, members.GetLength(2))
                          where members[head, j, m] is not null
                          select (Group: j, Index: m, Low: members[head, j, m].Min(), High: members[head, j, m].Max())).ToArray();
            if (part.HasMinimum)
            {
                SetBounds(part, head, 0, [.. groups.Select(group => group.Low)]);
                foreach (var group in groups)
                    Place(part, 0, head, group.Group, group.Index, (x, first, step) => MathF.Floor((x - first) / step), group.Low);
            }
            float Needed((int Group, int Index, float Low, float High) group)
            {
                if (part.HasMinimum)
                    return (group.High - (float)part.Minima[head, group.Group, group.Index])
                        / ((1 << (part.ByChannel ? part.Widths[head, group.Index] : part.Bits)) - 1);
                return (float)Half(part.Bits == 8 ? Math.Max(Math.Abs(group.Low), Math.Abs(group.High)) / 127f
                    : (group.High >= -group.Low ? group.High : group.Low) / -(1 << part.Bits - 1));
            }
            SetBounds(part, head, 1, [.. groups.Select(Needed)]);
            foreach (var group in groups)
                Place(part, 1, head, group.Group, group.Index,
                    (x, first, step) => part.HasMinimum ? MathF.Ceiling((x - first) / step) : MathF.Round((x - first) / step),
                    Needed(group));
            // A group without elements has what byte 0 stands for.
            for (var j = 0; j < members.GetLength(1); j++)
                for (var m = 0; m < members.GetLength(2); m++)
                    if (members[head, j, m] is null)
                        (part.Minima[head, j, m], part.Scales[head, j, m]) = (part.Bounds[head, 0], part.Bounds[head, 2]);
        }
    }

    private static void SetBounds(CompressedChunk.Part part, int head, int which, float[] numbers)
    {
        var first = (Half)numbers.Min();
        if ((float)first > numbers.Min()) first = System.Half.BitDecrement(first);
        var exact = (numbers.Max() - (float)first) / 255f;
        var step = (Half)exact;
        if ((float)step < exact) step = System.Half.BitIncrement(step);
        (part.Bounds[head, 2 * which], part.Bounds[head, 2 * which + 1]) = ((double)first, (double)step);
    }

    private static void Place(
        CompressedChunk.Part part, int which, int head, int group, int index, Func<float, float, float, float> round, float number)
    {
        var (first, step) = ((float)part.Bounds[head, 2 * which], (float)part.Bounds[head, 2 * which + 1]);
        var place = step == 0 ? 0 : (int)Math.Clamp(round(number, first, step), 0, 255);
        part.ScaleBytes[which, head, group, index] = place;
        (which == 0 ? part.Minima : part.Scales)[head, group, index] = MathF.FusedMultiplyAdd(step, place, first);
    }

    /// <summary>repeat: B = orth(B); A = orth(R B); B = Rᵀ A. Then as they are stored.</summary>
    private static void Factorise(CompressedChunk chunk, CompressedChunk.Part part, double[,] rest, int head,
        Func<int, int, int, double> omega)
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
        if (chunk.Codec.ShrinkFactors) Shrink(rest, a, b, chunk.Tokens - chunk.Exact);
        for (var r = 0; r < rank; r++)
        {
            for (var t = 0; t < n; t++) part.A[head, t, r] = a[t, r];
            for (var d = 0; d < dim; d++) part.B[head, d, r] = b[d, r];
            Store(part.A, head, r, chunk.Codec.Factors);
            Store(part.B, head, r, chunk.Codec.Factors);
        }
    }

    /// <summary>A B' with its singular values shrunk by white noise of the size of what A B' leaves.</summary>
    private static void Shrink(double[,] rest, double[,] a, double[,] b, int rows)
    {
        var (n, dim, rank) = (a.GetLength(0), b.GetLength(0), b.GetLength(1));
        // Rotations until the columns of B are orthogonal; A's go along.
        for (var sweep = 0; sweep < 50; sweep++)
            for (var i = 0; i < rank; i++)
                for (var j = i + 1; j < rank; j++)
                {
                    double Dot(int x, int y) => Enumerable.Range(0, dim).Sum(d => b[d, x] * b[d, y]);
                    var angle = 0.5 * Math.Atan2(2 * Dot(i, j), Dot(i, i) - Dot(j, j));
                    foreach (var (columns, length) in new[] { (a, n), (b, dim) })
                        for (var k = 0; k < length; k++)
                        {
                            var (x, y) = (columns[k, i], columns[k, j]);
                            columns[k, i] = Math.Cos(angle) * x + Math.Sin(angle) * y;
                            columns[k, j] = Math.Cos(angle) * y - Math.Sin(angle) * x;
                        }
                }
        var squares = Enumerable.Range(0, rank).Select(r => Enumerable.Range(0, dim).Sum(d => b[d, r] * b[d, r])).ToArray();
        var left = Math.Max(rest.Cast<double>().Sum(x => x * x) - squares.Sum(), 0);
        if (rank >= rows || rank >= dim || left == 0) return;
        var (most, beta) = (Math.Max(rows, dim), (double)Math.Min(rows, dim) / Math.Max(rows, dim));
        var noise = Math.Sqrt(left / ((rows - rank) * (dim - rank)) * most);
        for (var r = 0; r < rank; r++)
        {
            var y = Math.Sqrt(squares[r]) / noise;
            var shrunk = y > 1 + Math.Sqrt(beta) ? Math.Sqrt(Math.Pow(y * y - beta - 1, 2) - 4 * beta) / y : 0;
            for (var d = 0; d < dim; d++) b[d, r] *= shrunk / y;
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
