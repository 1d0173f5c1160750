using System.Text.Json;
using Coppice.Kernels.Tests.Reference;
using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Compression;

/// <summary>Real keys, values and queries: bytes and errors as computed outside, with the tolerances of golden/gear/README.</summary>
public sealed class GoldenChunkTests
{
    private const int Heads = 3, Dim = 64, Width = Heads * Dim;
    private static readonly Dictionary<string, (int First, int Count, int Rank, int Number)> Chunks = new()
    {
        ["p256"] = (0, 256, 4, 0),
        ["d64"] = (256, 64, 2, 1),
        ["d20"] = (256, 20, 2, 1),
    };

    [Theory]
    [InlineData("kivi2", "kivi-2-gear")]
    [InlineData("kcvt4", "kcvt-4-gear")]
    public void Positions_scales_and_codes_are_the_published_ones(string prefix, string setting)
    {
        SharedGear.Require();
        foreach (var layer in new[] { 0, 7, 15, 29 })
        {
            var chunk = Compress(layer, "p256", setting).Chunk;
            foreach (var (name, part) in new[] { ("k", chunk.Keys), ("v", chunk.Values) })
            {
                string What(string what) => $"{prefix}.{name}.{what}.{layer}";
                var x = SharedGear.Tokens($"{name}.{layer}", 0, 256);
                Assert.Equal(SharedGear.Read<ushort>(What("outliers")), part.Positions.Cast<int>().Select(p => (ushort)p));
                Assert.Equal(Stored(part, SharedGear.Read<Half>(What("mn"))), part.Minima.Cast<double>());
                Assert.Equal(Stored(part, SharedGear.Read<Half>(What("delta"))), part.Scales.Cast<double>());
                var onTie = Codes(What("codes"), part, x, SharedGear.Read<uint>(What("codes")), name == "k");
                Products(What("a"), part, SharedGear.Read<Half>(What("a")), SharedGear.Read<Half>(What("b")), onTie);
            }
        }
    }

    [Fact]
    public void Errors_of_every_setting_are_the_published_ones()
    {
        SharedGear.Require();
        var records = SharedGear.Records.ToArray();
        Assert.Equal(224, records.Length);
        foreach (var record in records)
        {
            var (layer, name, setting) = (record.GetProperty("layer").GetInt32(), record.GetProperty("chunk").GetString()!,
                record.GetProperty("setting").GetString()!);
            var (chunk, bytes, layout) = Compress(layer, name, setting);
            var what = $"layer {layer}, {name}, {setting}";
            Assert.Equal(record.GetProperty("outliers_k").GetInt32(), chunk.Keys.Outliers);
            Assert.Equal(record.GetProperty("outliers_v").GetInt32(), chunk.Values.Outliers);
            foreach (var (letter, part) in new[] { ("k", chunk.Keys), ("v", chunk.Values) })
            {
                var x = KvScene.Rows(SharedGear.Tokens($"{letter}.{layer}", Chunks[name].First, Chunks[name].Count), Width);
                for (var head = 0; head < Heads; head++)
                {
                    var (relative, largest) = Error(chunk, part, x, head);
                    Near($"{what}, {letter}_rel", record.GetProperty($"{letter}_rel")[head], relative, 1e-3);
                    Near($"{what}, {letter}_max", record.GetProperty($"{letter}_max")[head], largest, 1e-2);
                }
            }
            Attention(what, record, layer, name, bytes, layout);
        }
    }

    /// <summary>The attention kernel on the chunk's parts, against exact attention on the tokens: the published error of it.</summary>
    private static void Attention(string what, JsonElement record, int layer, string name, byte[] bytes, KvChunkLayout layout)
    {
        var (first, count, _, _) = Chunks[name];
        using var backend = SimdBackend.Create(1);
        using var bed = new Bed(backend, Placement.Plain, onHost: true);
        var all = SharedGear.Read<float>($"q.{layer}");
        var q = new float[16 * 9 * Dim];
        for (var i = 0; i < q.Length; i++) q[i] = all[(i / Dim % 9 * 16 + i / Dim / 9) * Dim + i % Dim];
        var states = bed.Output(new Shape(16, 9, Dim + 2));
        var y = bed.Output(new Shape(16, 9, Dim));
        var kv = new CompressedKv(bed.PlaceBytes(new Shape(bytes.Length / 64, 16), ElementType.I32, bytes),
            bed.Place(new Shape(1, 4), [0, 0, 0, 0]), [layout], new KvHorizon(count, 0, 0));
        backend.AttendBlocks(bed.Place(new Shape(16, 9, Dim), q), kv, AttentionMask.Causal(count), 0.125f, 0, states);
        backend.MergeBlocks(states, y);
        var found = bed.Floats(y);
        float[] k = SharedGear.Tokens($"k.{layer}", first, count), v = SharedGear.Tokens($"v.{layer}", first, count);
        for (var head = 0; head < Heads; head++)
        {
            double error = 0, size = 0;
            for (var row = 0; row < 16; row++)
                for (var h = 3 * head; h < 3 * head + 3; h++)
                {
                    var exact = Exact(q.AsSpan((row * 9 + h) * Dim, Dim), k, v, head, count);
                    for (var d = 0; d < Dim; d++)
                    {
                        error += Math.Pow(exact[d] - found[(row * 9 + h) * Dim + d], 2);
                        size += exact[d] * exact[d];
                    }
                }
            Near($"{what}, attn_rel", record.GetProperty("attn_rel")[head], Math.Sqrt(error / size), 1e-2);
        }
    }

    private static double[] Exact(ReadOnlySpan<float> q, float[] k, float[] v, int head, int count)
    {
        var scores = new double[count];
        for (var j = 0; j < count; j++)
        {
            for (var d = 0; d < Dim; d++) scores[j] += (double)q[d] * k[j * Width + head * Dim + d] / 8;
        }
        var max = scores.Max();
        var weights = Array.ConvertAll(scores, s => Math.Exp(s - max));
        var sum = weights.Sum();
        var output = new double[Dim];
        for (var j = 0; j < count; j++)
            for (var d = 0; d < Dim; d++) output[d] += weights[j] / sum * v[j * Width + head * Dim + d];
        return output;
    }

    private static (CompressedChunk Chunk, byte[] Bytes, KvChunkLayout Layout) Compress(int layer, string name, string setting)
    {
        var (first, count, rank, number) = Chunks[name];
        var words = setting.Split('-');
        var codec = new KvCodec
        {
            Backbone = words[0] switch { "kivi" => KvBackbone.Kivi, "kcvt" => KvBackbone.Kcvt, _ => KvBackbone.PerToken },
            KeyBits = int.Parse(words[1]),
            ValueBits = int.Parse(words[1]),
            Sparsity = words[2] is "gear" or "sparse" ? 0.02 : 0,
            KeyOutliers = KvOutlierCount.Floor,
        };
        rank = words[2] is "gear" or "lowrank" ? rank : 0;
        var layout = codec.Layout(Heads, Dim, count, rank);
        using var backend = SimdBackend.Create(1);
        using var bed = new Bed(backend, Placement.Plain, onHost: true);
        var chunks = bed.Output(new Shape(layout.Units, 16), ElementType.I32);
        var shape = new Shape(count, Heads, Dim);
        backend.KvCompress(bed.Place(shape, SharedGear.Tokens($"k.{layer}", first, count)),
            bed.Place(shape, SharedGear.Tokens($"v.{layer}", first, count)), layout, layer, number, chunks, 0);
        var bytes = bed.Bytes(chunks);
        return (CompressedChunk.Read(bytes, codec, Heads, Dim, count, rank, 0), bytes, layout);
    }

    /// <summary>From the file's order, [heads, channels or tokens, groups], to the chunk's.</summary>
    private static IEnumerable<double> Stored(CompressedChunk.Part part, Half[] numbers)
    {
        var (heads, groups, runs) = (part.Scales.GetLength(0), part.Scales.GetLength(1), part.Scales.GetLength(2));
        for (var head = 0; head < heads; head++)
            for (var group = 0; group < groups; group++)
                for (var run = 0; run < runs; run++) yield return (double)numbers[(head * runs + run) * groups + group];
    }

    /// <summary>Equal, or one apart on a tie; returns the heads in which there is such a code.</summary>
    private static HashSet<int> Codes(string what, CompressedChunk.Part part, float[] x, uint[] words, bool isKeys)
    {
        var (tokens, inWord) = (part.Codes.GetLength(1), 32 / part.Bits);
        var wordsOfRun = (isKeys ? tokens : Dim) / inWord;
        var onTie = new HashSet<int>();
        for (var head = 0; head < Heads; head++)
            for (var t = 0; t < tokens; t++)
                for (var d = 0; d < Dim; d++)
                {
                    var (run, i, runs) = isKeys ? (d, t, Dim) : (t, d, tokens);
                    var code = (int)(words[(head * runs + run) * wordsOfRun
                        + i / inWord] >> i % inWord * part.Bits) & ((1 << part.Bits) - 1);
                    if (code == part.Codes[head, t, d]) continue;
                    var at = (x[t * Width + head * Dim + d] - part.Minimum(head, t, d)) / part.Scale(head, t, d);
                    Assert.True(Math.Abs(code - part.Codes[head, t, d]) == 1 && Math.Abs(at - Math.Floor(at) - 0.5) < 1e-5,
                        $"{what} at [{head}, {t}, {d}]: {part.Codes[head, t, d]} instead of {code} for {at}");
                    onTie.Add(head);
                }
        return onTie;
    }

    /// <summary>
    /// A Bᵀ is theirs, whatever the signs and order of columns. Another code leaves another matrix: its factors are checked by the errors
    /// of the chunk.
    /// </summary>
    private static void Products(string what, CompressedChunk.Part part, Half[] a, Half[] b, HashSet<int> onTie)
    {
        var (tokens, rank) = (part.A.GetLength(1), part.A.GetLength(2));
        // Of all published codes one is on a tie.
        Assert.True(onTie.Count <= 1);
        foreach (var head in Enumerable.Range(0, Heads).Except(onTie))
        {
            double error = 0, size = 0;
            for (var t = 0; t < tokens; t++)
                for (var d = 0; d < Dim; d++)
                {
                    double mine = 0, theirs = 0;
                    for (var r = 0; r < rank; r++)
                    {
                        mine += part.A[head, t, r] * part.B[head, d, r];
                        theirs += (double)a[(head * tokens + t) * rank + r] * (double)b[(head * Dim + d) * rank + r];
                    }
                    error += Math.Pow(mine - theirs, 2);
                    size += theirs * theirs;
                }
            Assert.True(Math.Sqrt(error / size) < 1e-2, $"{what}, head {head}: A Bᵀ is off by {Math.Sqrt(error / size)}");
        }
    }

    private static (double Relative, double Largest) Error(CompressedChunk chunk, CompressedChunk.Part part, float[][] x, int head)
    {
        double error = 0, size = 0, largest = 0;
        for (var t = 0; t < x.Length; t++)
            for (var d = 0; d < Dim; d++)
            {
                var e = x[t][head * Dim + d] - chunk.Element(part, head, t, d);
                error += e * e;
                size += Math.Pow(x[t][head * Dim + d], 2);
                largest = Math.Max(largest, Math.Abs(e));
            }
        return (Math.Sqrt(error / size), largest);
    }

    private static void Near(string what, JsonElement expected, double found, double tolerance)
    {
        var number = expected.GetDouble();
        Assert.True(Math.Abs(found - number) <= tolerance * number, $"{what}: {found:g7} instead of {number:g7}");
    }
}
