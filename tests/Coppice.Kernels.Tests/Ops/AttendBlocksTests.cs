using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>Chunks and then pages, seen by rows from different positions on.</summary>
public sealed record BlocksCase(ChunkCase Chunk, int Chunks, int Rows, KvHorizon Horizon, int Window = 0, float SoftCap = 0) : ICase
{
    public long Cost => Chunk.Cost * Chunks * Rows;
}

/// <summary>
/// Attention on the parts of chunks against dense attention in double precision on what they stand for; the same states over pages.
/// </summary>
public abstract class AttendBlocksTests(Device device) : OpSuite(device)
{
    internal static readonly BlocksCase[] Blocks =
    [
        .. ChunkCase.All.Select((c, i) => new BlocksCase(c, 1 + i % 3, 1 + i % 6, new((1 + i % 3) * c.Tokens, i % 2 * c.Tokens, i % 2 * 3),
            i % 5 == 0 ? c.Tokens + 9 : 0, i % 7 == 0 ? 20f : 0f)),
        // One row over many blocks, which threads share.
        .. ChunkCase.All.Where((_, i) => i % 6 == 0).Select(c => new BlocksCase(c, 9, 1, new(9 * c.Tokens, c.Tokens, 0))),
    ];

    [Fact, Trait(Settings, Every)]
    public void States_give_attention_on_what_chunks_stand_for()
    {
        Check(Blocks, Run, c => Tolerances.AttendBlocks(c.Chunk.Dim, c.SoftCap));
    }

    [Fact]
    public void Attention_is_blocks_and_merge_bit_by_bit()
    {
        ForEach(Cases.Attention.Where((_, i) => i % 4 == 0), c =>
        {
            using var bed = NewBed();
            var whole = AttentionTests.Run(bed, c);
            var (attend, y) = AttentionTests.Prepare(bed, c, inBlocks: true);
            attend();
            Compare.SameFiniteBits($"{c} on {bed.Backend.Name}", whole, bed.Floats(y));
        });
    }

    [Fact]
    public void A_row_s_bits_do_not_depend_on_other_rows_nor_on_threads()
    {
        ForEach(Blocks.Where((c, i) => i % 3 == 0 && c.Rows > 1), c =>
        {
            using var bed = NewBed();
            var together = Run(bed, c);
            var length = together.Length / c.Rows;
            for (var row = 0; row < c.Rows; row++)
            {
                using var other = NewBed();
                Compare.SameBits($"{c}, row {row} on {other.Backend.Name}", together.AsSpan(row * length, length), Run(other, c, row));
            }
        });
    }

    [Fact]
    public void A_row_that_sees_no_chunk_has_an_empty_state()
    {
        Device.Require();
        var c = ChunkCase.All[0];
        using var bed = NewBed();
        var queryHeads = c.Heads * c.Group;
        var q = bed.Place(new Shape(1, queryHeads, c.Dim), Noise.Uniform(3, queryHeads * c.Dim));
        var states = bed.Output(new Shape(1, queryHeads, c.Dim + 2));
        bed.Backend.AttendBlocks(q, View(bed, c, 1, new KvHorizon(c.Tokens, c.Tokens, 1)), AttentionMask.Causal(c.Tokens), 1, 0, states);
        foreach (var state in bed.Floats(states).Chunk(c.Dim + 2))
        {
            Assert.All(state[..^2], o => Assert.Equal(0f, o));
            Assert.Equal(float.NegativeInfinity, state[^2]);
            Assert.Equal(0f, state[^1]);
        }
    }

    [Fact]
    public void Widths_of_a_damaged_chunk_reach_no_further_than_its_codes()
    {
        Device.Require();
        var c = new ChunkCase("damaged", new KvCodec { KeyBits = 3, KeyBitsByRange = true }, 2, 64, 64, 0, 0);
        foreach (var widths in (byte[])[0xff, 0x00, 0x81])
        {
            using var bed = NewBed();
            var bytes = KvScene.Chunk(c, seed: 1).Write();
            bytes.AsSpan(c.Layout.KeyWidths, c.Layout.Keys.WidthBytes).Fill(widths);
            var chunks = bed.PlaceBytes(new Shape(bytes.Length / 64, 16), ElementType.I32, bytes);
            var kv = new CompressedKv(chunks, bed.PlaceBytes(new Shape(1, 4), ElementType.I32, new byte[16]), [c.Layout], new(64, 64, 0));
            var q = bed.Place(new Shape(1, 2, 64), Noise.Uniform(3, 128));
            var states = bed.Output(new Shape(1, 2, 66));
            bed.Backend.AttendBlocks(q, kv, AttentionMask.Causal(64), 1, 0, states);
            Assert.All(bed.Floats(states), state => Assert.True(float.IsFinite(state)));
        }
    }

    /// <summary>Rows after the chunks see them, then their own page.</summary>
    internal static float[] Run(Bed bed, BlocksCase c) => Run(bed, c, row: null);

    private static float[] Run(Bed bed, BlocksCase c, int? row)
    {
        var (chunk, heads) = (c.Chunk, c.Chunk.Heads * c.Chunk.Group);
        var (start, width) = (c.Chunks * chunk.Tokens, chunk.Heads * chunk.Dim);
        float[] k = KvScene.Keys(9, start + c.Rows, width), v = KvScene.Values(9, start + c.Rows, width);
        var image = new KvImage(chunk.Heads, chunk.Dim, ElementType.F16, Noise.Permutation(1, KvLayout.Pages(start + c.Rows)));
        var seen = c.Horizon.Of(start);
        for (var slot = Math.Max(0, seen / 64 * 64); slot < start + c.Rows; slot++) image.Store(slot, slot, k, v);
        var all = Noise.Uniform(3, (long)c.Rows * heads * chunk.Dim, 2);
        var rows = row is null ? c.Rows : 1;
        var q = bed.Place(new Shape(rows, heads, chunk.Dim), row is null
            ? all : all.AsSpan(row.Value * heads * chunk.Dim, heads * chunk.Dim));
        var states = bed.Output(new Shape(rows, heads, chunk.Dim + 2));
        var y = bed.Output(q.Shape);
        var mask = AttentionMask.Causal(start + (row ?? 0), c.Window);
        var scale = 1 / MathF.Sqrt(chunk.Dim);
        bed.Backend.AttendBlocks(q, View(bed, chunk, c.Chunks, c.Horizon), mask, scale, c.SoftCap, states);
        bed.Backend.AttendBlocks(q, image.Paged(bed), mask, c.Horizon, scale, c.SoftCap, states);
        bed.Backend.MergeBlocks(states, y);
        return bed.Floats(y);
    }

    /// <summary>Chunks of the reference, in units that are out of order and between garbage.</summary>
    internal static CompressedKv View(Bed bed, ChunkCase c, int count, KvHorizon horizon)
    {
        var layout = c.Layout;
        var bytes = new byte[(count * (layout.Units + 1) + 1) * 64];
        bytes.AsSpan().Fill(0xff);
        var table = new int[count * 4];
        for (var i = 0; i < count; i++)
        {
            var unit = (count - 1 - i) * (layout.Units + 1) + 1;
            KvScene.Chunk(c, seed: 20 + i, number: i).Write().CopyTo(bytes, unit * 64);
            (table[4 * i], table[4 * i + 1], table[4 * i + 2]) = (unit, i * c.Tokens, 1);
        }
        var other = new KvCodec().Layout(c.Heads, c.Dim, 64);
        return new CompressedKv(bed.PlaceBytes(new Shape(bytes.Length / 64, 16), ElementType.I32, bytes),
            bed.PlaceBytes(new Shape(count, 4), ElementType.I32, System.Runtime.InteropServices.MemoryMarshal.AsBytes(table.AsSpan())),
            [other, layout], horizon);
    }
}

public sealed class AttendBlocksOnPortable() : AttendBlocksTests(Devices.Portable);
public sealed class AttendBlocksOnAvx2() : AttendBlocksTests(Devices.Avx2);
public sealed class AttendBlocksOnAvx512() : AttendBlocksTests(Devices.Avx512);
public sealed class AttendBlocksOnCpuAccelerator() : AttendBlocksTests(Devices.CpuAccelerator);
public sealed class AttendBlocksOnCuda() : AttendBlocksTests(Devices.Cuda);
