using System.Text;
using Coppice.Text;
using CsCheck;
using Xunit;

namespace Coppice.Text.Tests;

public sealed class StreamingDecoderTests
{
    public static TheoryData<string> Names => [.. GoldenCases.Names];

    [Theory, MemberData(nameof(Names))]
    public void Any_sequence_of_ids_streams_to_its_decoded_text(string name)
    {
        var tokenizer = GoldenCases.Load(name);
        Gen.Select(Gen.Int[0, tokenizer.VocabularySize].Array[0, 30], Gen.Bool).Sample((ids, skip) =>
        {
            var decoder = new StreamingDecoder(tokenizer, skip);
            var text = string.Concat(ids.Select(decoder.Append)) + decoder.Flush();
            Assert.Equal(tokenizer.Decode(ids, skip), text);
        }, iter: 500);
    }

    [Fact]
    public void A_character_comes_out_when_its_last_byte_is_there()
    {
        var decoder = new StreamingDecoder(ByteTokens());
        Assert.Equal("", decoder.Append(0xF0));
        Assert.Equal("", decoder.Append(0x9F));
        Assert.Equal("", decoder.Append(0x99));
        Assert.Equal("\U0001F642", decoder.Append(0x82));
        Assert.Equal("a", decoder.Append('a'));
        Assert.Equal("", decoder.Flush());
    }

    [Fact]
    public void A_broken_character_becomes_one_replacement_for_each_part()
    {
        var decoder = new StreamingDecoder(ByteTokens());
        Assert.Equal("", decoder.Append(0xE4));
        Assert.Equal("\uFFFDa", decoder.Append('a'));
        Assert.Equal("", decoder.Append(0xE4));
        Assert.Equal("\uFFFD", decoder.Flush());
        Assert.Equal("b", decoder.Append('b'));
    }

    [Fact]
    public void The_cost_of_a_token_does_not_grow()
    {
        var tokenizer = ByteTokens();
        var decoder = new StreamingDecoder(tokenizer);
        for (var i = 0; i < 1000; i++) decoder.Append('a');
        var early = Allocated(() => decoder.Append('a'));
        for (var i = 0; i < 100_000; i++) decoder.Append('a');
        Assert.True(Allocated(() => decoder.Append('a')) <= early + 64, "a later token allocates more than an early one");
    }

    [Fact]
    public void Bytes_of_tokens_join_to_the_text()
    {
        var tokenizer = GoldenCases.Load("smollm2");
        const string Text = " a caf\u00e9 \U0001F642 \u4E2D\u6587";
        var bytes = tokenizer.Encode(Text, addSpecialTokens: false).SelectMany(id => tokenizer.TokenBytes(id).ToArray()).ToArray();
        Assert.Equal(Text, Encoding.UTF8.GetString(bytes));
        Assert.True(tokenizer.TokenBytes(-1).IsEmpty);
    }

    [Fact]
    public void Bytes_of_fallback_tokens_are_single()
    {
        var tokenizer = GoldenCases.Load("llama2");
        var ids = tokenizer.Encode("x \U0001F9FF", addSpecialTokens: false);
        Assert.Equal(" x \U0001F9FF", Encoding.UTF8.GetString([.. ids.SelectMany(id => tokenizer.TokenBytes(id).ToArray())]));
        Assert.Equal([0x0A], tokenizer.TokenBytes(tokenizer.IdOf("<0x0A>")!.Value).ToArray());
    }

    // A byte-level vocabulary whose ids are the bytes.
    private static Tokenizer ByteTokens()
    {
        var vocabulary = Enumerable.Range(0, 256).ToDictionary(value => ByteLetter((byte)value), value => value);
        return TinyTokenizer.Words(System.Text.Json.JsonSerializer.Serialize(vocabulary), decoder: """{"type": "ByteLevel"}""");
    }

    private static string ByteLetter(byte value) => Coppice.Text.Unicode.ByteAlphabet.Letter(value).ToString();

    private static long Allocated(Action action)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        action();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
