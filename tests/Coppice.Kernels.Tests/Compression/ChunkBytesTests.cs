using Xunit;

namespace Coppice.Kernels.Tests.Compression;

/// <summary>Bytes of compressed chunks against sizes worked out by hand.</summary>
public sealed class ChunkBytesTests
{
    private static readonly KvCodec Kcvt4 = new() { Backbone = KvBackbone.Kcvt, KeyOutliers = KvOutlierCount.Floor };
    private static readonly KvCodec Kivi2 = new() { KeyBits = 2, ValueBits = 2, KeyOutliers = KvOutlierCount.Floor };

    [Theory]
    [InlineData(8, 128, 1024, 4, false, 1_204_224, 1_368_064)]
    [InlineData(8, 128, 1024, 4, true, 802_816, 966_656)]
    [InlineData(8, 128, 64, 2, false, 82_176, 87_296)]
    [InlineData(8, 128, 64, 2, true, 53_248, 58_368)]
    [InlineData(8, 128, 20, 2, false, 36_176, 37_776)]
    [InlineData(32, 128, 1024, 4, true, 3_211_264, 3_866_624)]
    [InlineData(8, 64, 1024, 4, false, 669_696, 751_616)]
    [InlineData(8, 64, 1024, 4, true, 466_944, 548_864)]
    [InlineData(8, 64, 64, 2, true, 28_672, 31_232)]
    public void Bytes_equal_the_published_accounting(int heads, int headDim, int tokens, int rank, bool kivi, int lowRank, int all)
    {
        var codec = kivi ? Kivi2 : Kcvt4;
        Assert.Equal(lowRank, codec.Layout(heads, headDim, tokens, rank).Bytes);
        Assert.Equal(all, (codec with { Sparsity = 0.02 }).Layout(heads, headDim, tokens, rank).Bytes);
    }

    [Fact]
    public void Blocks_of_32_take_34_and_18_bytes()
    {
        Assert.Equal(2 * 64 * 3 * 2 * 34, KvCodec.Q8.Layout(3, 64, 64).Bytes);
        Assert.Equal(2 * 64 * 3 * 2 * 18, KvCodec.Q4.Layout(3, 64, 64).Bytes);
    }

    [Fact]
    public void Three_bits_take_three_bits() =>
        Assert.Equal(2 * 3 * 64 * 64 * 3 / 8 + 2 * 3 * 64 * 4, new KvCodec { KeyBits = 3, ValueBits = 3 }.Layout(3, 64, 64).Bytes);

    [Fact]
    public void Scales_in_bytes_take_half_and_eight_bytes_a_head()
    {
        var bytes = new KvCodec { KeyBits = 2, ValueBits = 2, Scales = KvScaleType.I8 };
        const int codes = 2 * 3 * 64 * 64 / 4;
        Assert.Equal(codes + 2 * (3 * 8 + 3 * 64 * 2), bytes.Layout(3, 64, 64).Bytes);
        // One kind of scale, padded to words, as the codes of a channel of keys are; scales that all heads share stay F16.
        Assert.Equal(64 * 8 + 5 * 64 + 2 * (8 + 5 * 2 + 2), (bytes with
        {
            Backbone = KvBackbone.Symmetric,
            KeyBits = 8,
            ValueBits = 8,
            GroupSize = 32
        }).Layout(1, 64, 5).Bytes);
        Assert.Equal(codes + 3 * 8 + 3 * 64 * 2 + 64 * 4, (bytes with { Backbone = KvBackbone.Kcvt }).Layout(3, 64, 64).Bytes);
    }

    [Fact]
    public void Scales_along_two_axes_take_two_bytes_more_a_channel()
    {
        var tokens = new KvCodec { Backbone = KvBackbone.PerToken, KeyBits = 4, ValueBits = 2 };
        Assert.Equal(tokens.Layout(3, 64, 64).Bytes + 2 * 3 * 64 * 2,
            (tokens with { Backbone = KvBackbone.TwoAxis }).Layout(3, 64, 64).Bytes);
    }

    [Fact]
    public void What_is_stored_is_the_bytes_with_header_in_whole_units()
    {
        var layout = Kcvt4.Layout(3, 80, 20, rank: 2, exact: 4);
        Assert.Equal(0, layout.StoredBytes % KvChunkLayout.Unit);
        Assert.InRange(layout.StoredBytes, layout.Bytes + KvChunkLayout.HeaderBytes, layout.Bytes + KvChunkLayout.HeaderBytes + 63);
    }

    [Theory]
    [InlineData(1, 4, 64)]
    [InlineData(9, 4, 64)]
    [InlineData(4, 4, 4)]
    public void Codecs_out_of_range_are_refused(int keyBits, int valueBits, int group) =>
        Assert.Throws<ArgumentException>(() =>
            new KvCodec { KeyBits = keyBits, ValueBits = valueBits, GroupSize = group }.Layout(3, 64, 64));
}
