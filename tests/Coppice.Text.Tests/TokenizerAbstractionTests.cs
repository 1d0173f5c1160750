using System.Buffers;
using System.Text;
using CsCheck;
using Microsoft.ML.Tokenizers;
using Microsoft.SemanticKernel.Text;
using Xunit;
using Abstract = Microsoft.ML.Tokenizers.Tokenizer;

namespace Coppice.Text.Tests;

/// <summary>The tokenizer as what other libraries take: a Microsoft.ML.Tokenizers.Tokenizer.</summary>
public sealed class TokenizerAbstractionTests
{
    public static TheoryData<string> Names => [.. GoldenCases.Names];

    [Theory, MemberData(nameof(Names))]
    public void Ids_counts_and_texts_equal_the_goldens(string name)
    {
        Abstract tokenizer = GoldenCases.Load(name);
        var wrong = new StringBuilder();
        foreach (var golden in GoldenCases.Read(name))
        {
            if (!tokenizer.EncodeToIds(golden.Text).SequenceEqual(golden.Ids)) wrong.AppendLine($"{golden.Id}: ids of a string");
            if (!tokenizer.EncodeToIds(golden.Text.AsSpan()).SequenceEqual(golden.Ids)) wrong.AppendLine($"{golden.Id}: ids of a span");
            if (tokenizer.CountTokens(golden.Text) != golden.Ids.Length) wrong.AppendLine($"{golden.Id}: count");
            var decoded = tokenizer.Decode(golden.Ids);
            if (decoded != golden.Decoded && decoded != golden.Decoded022) wrong.AppendLine($"{golden.Id}: text");
        }
        Assert.True(wrong.Length == 0, wrong.ToString());
    }

    [Theory, MemberData(nameof(Names))]
    public void Tokens_of_the_goldens_have_their_ids_and_places(string name)
    {
        var tokenizer = GoldenCases.Load(name);
        foreach (var golden in GoldenCases.Read(name)) CheckTokens(tokenizer, golden.Text, golden.Ids);
    }

    [Theory, MemberData(nameof(Names))]
    public void Tokens_of_random_texts_have_their_ids_and_places(string name)
    {
        var tokenizer = GoldenCases.Load(name);
        string[] parts = ["a", "The", " ", "  ", "\n", "\t", "\u00e9", "e\u0301", "\U0001F600", "\uD83D", "\u4E2D\u6587", "\uFB01",
            "\u2019", "<s>", "</s>", "[CLS]", "<|im_end|>", "\u2581", "123", "_", "'s", "\u200D", "\0", "\u0130", "\uAC00", "\u1100\u1161"];
        Gen.Int[0, parts.Length - 1].Array[0, 40].Select(chosen => string.Concat(chosen.Select(i => parts[i]))).Sample(
            text => CheckTokens(tokenizer, text, tokenizer.Encode(text, addSpecialTokens: false)), iter: 150);
    }

    private static void CheckTokens(Tokenizer tokenizer, string text, int[] ids)
    {
        var tokens = tokenizer.EncodeToTokens(text, out var normalized);
        Assert.Equal(ids, tokens.Select(token => token.Id));
        Assert.All(tokens, token => Assert.Equal(tokenizer.TokenText(token.Id), token.Value));
        Assert.True(normalized != text, "a normalized text that equals the text is null");
        var whole = normalized ?? text;
        var (start, end) = (0, 0);
        foreach (var token in tokens)
        {
            var (from, to) = (token.Offset.Start.Value, token.Offset.End.Value);
            Assert.InRange(from, start, to);
            Assert.InRange(to, end, whole.Length);
            Assert.False(SplitsCharacter(whole, from) || SplitsCharacter(whole, to), $"{from}..{to} splits a character of {whole}");
            (start, end) = (from, to);
        }
        CheckCuts(tokenizer, text, whole, normalized, tokens);
    }

    private static void CheckCuts(Tokenizer tokenizer, string text, string whole, string? normalized, IReadOnlyList<EncodedToken> tokens)
    {
        for (var most = 1; most <= tokens.Count + 1; most = most < 4 ? most + 1 : most * 6)
        {
            var index = tokenizer.GetIndexByTokenCount(text, most, out var normalizedHere, out var count);
            Assert.Equal(normalized, normalizedHere);
            Assert.InRange(count, 0, Math.Min(most, tokens.Count));
            if (most >= tokens.Count) Assert.Equal(tokens.Count, count);
            Assert.All(tokens.Take(count), token => Assert.True(token.Offset.End.Value <= index));
            Assert.All(tokens.Skip(count), token => Assert.True(token.Offset.Start.Value >= index));
            if (count == tokens.Count) Assert.Equal(whole.Length, index);

            var ids = tokenizer.EncodeToIds(text, most, out _, out var consumed);
            Assert.Equal((index, count), (consumed, ids.Count));
            Assert.Equal(tokens.Take(count).Select(token => token.Id), ids);

            var last = tokenizer.GetIndexByTokenCountFromEnd(text, most, out _, out var lastCount);
            Assert.InRange(lastCount, 0, Math.Min(most, tokens.Count));
            Assert.All(tokens.SkipLast(lastCount), token => Assert.True(token.Offset.End.Value <= last));
            Assert.All(tokens.TakeLast(lastCount), token => Assert.True(token.Offset.Start.Value >= last));
            if (lastCount == tokens.Count) Assert.Equal(0, last);
        }
    }

    private static bool SplitsCharacter(string text, int at) =>
        at > 0 && at < text.Length && char.IsHighSurrogate(text[at - 1]) && char.IsLowSurrogate(text[at]);

    [Theory]
    [InlineData("smollm2", "Hello, world", "Hello|,| world", false)]
    [InlineData("llama2", "Hello  world", "\u2581Hello|\u2581|\u2581world", true)]
    [InlineData("qwen3", "cafe\u0301 1", "ca|f\u00e9| |1", true)]
    [InlineData("synthetic-wordpiece", "Hello world", "he|ll|o|wor|ld", true)]
    public void Offsets_cut_the_text_into_its_tokens(string name, string text, string expected, bool normalizes)
    {
        var tokens = GoldenCases.Load(name).EncodeToTokens(text, out var normalized);
        Assert.Equal(expected, string.Join('|', tokens.Select(token => (normalized ?? text)[token.Offset])));
        Assert.Equal(normalizes, normalized is not null);
    }

    /// <summary>Alone, a token of whole characters decodes to the characters that it has in the text.</summary>
    [Theory]
    [InlineData("smollm2")]
    [InlineData("llama3")]
    [InlineData("qwen3")]
    public void A_token_decodes_to_its_stretch_of_the_text(string name)
    {
        var tokenizer = GoldenCases.Load(name);
        var count = 0;
        foreach (var golden in GoldenCases.Read(name))
        {
            var tokens = tokenizer.EncodeToTokens(golden.Text, out var normalized);
            var whole = normalized ?? golden.Text;
            for (var i = 0; i < tokens.Count; i++)
            {
                var (start, end) = (tokens[i].Offset.Start.Value, tokens[i].Offset.End.Value);
                var before = i > 0 ? tokens[i - 1].Offset.End.Value : 0;
                var after = i + 1 < tokens.Count ? tokens[i + 1].Offset.Start.Value : whole.Length;
                if (before != start || after != end) continue;
                Assert.Equal(whole[start..end], tokenizer.Decode([tokens[i].Id]));
                count++;
            }
        }
        Assert.True(count > 10_000, $"only {count} tokens were compared");
    }

    [Fact]
    public void Added_tokens_and_prefixes_have_places_too()
    {
        var tokenizer = TinyTokenizer.Words("""{"<unk>": 0, "_a": 1, "_b": 2, "_": 3}""",
            """[{"id": 4, "content": "<x>", "single_word": false, "lstrip": true, "rstrip": true, "normalized": false, "special": true}]""",
            preTokenizer: """{"type": "Metaspace", "replacement": "_", "prepend_scheme": "always", "split": true}""");
        var text = "a b  <x> b";
        var tokens = tokenizer.EncodeToTokens(text, out var normalized);
        Assert.Null(normalized);
        Assert.Equal([1, 2, 4, 2], tokens.Select(token => token.Id));
        Assert.Equal(["a", " b", "  <x> ", "b"], tokens.Select(token => text[token.Offset]));
    }

    [Fact]
    public void Steps_can_be_left_out()
    {
        var tokenizer = TinyTokenizer.Words("""{"<unk>": 0, "a": 1, "b": 2, "a b": 3, "A": 4}""",
            normalizer: """{"type": "Lowercase"}""", preTokenizer: """{"type": "Whitespace"}""");
        Assert.Equal([1, 2], tokenizer.EncodeToIds("A b"));
        Assert.Equal([3], tokenizer.EncodeToIds("A b", considerPreTokenization: false));
        Assert.Equal([4, 2], tokenizer.EncodeToIds("A b", considerNormalization: false));
        tokenizer.EncodeToTokens("A b", out var normalized, considerNormalization: false);
        Assert.Null(normalized);
        tokenizer.EncodeToTokens("A b", out normalized);
        Assert.Equal("a b", normalized);
    }

    [Fact]
    public void A_limit_must_be_positive()
    {
        var tokenizer = TinyTokenizer.Words("""{"<unk>": 0}""");
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.GetIndexByTokenCount("a", 0, out _, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.EncodeToIds("a", -1, out _, out _));
        Assert.Throws<ArgumentNullException>(() => tokenizer.Decode((IEnumerable<int>)null!));
    }

    [Fact]
    public void No_character_is_cut_where_its_tokens_do_not_all_fit()
    {
        var tokenizer = GoldenCases.Load("smollm2");
        var text = "a\U0001F9ACb";
        var count = tokenizer.CountTokens(text);
        Assert.True(count > 3, "the character must have several tokens for this test");
        for (var most = 1; most < count; most++)
        {
            var index = tokenizer.GetIndexByTokenCount(text, most, out _, out var fit);
            Assert.Equal(most < count - 1 ? (1, 1) : (3, count - 1), (index, fit));
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Decoding_into_memory_stops_at_a_whole_character(string name)
    {
        var tokenizer = GoldenCases.Load(name);
        foreach (var golden in GoldenCases.Read(name).Where(golden => golden.Ids.Length < 200))
        {
            var text = tokenizer.Decode(golden.Ids);
            var step = Math.Max(1, text.Length / 7);
            for (var room = 0; room <= text.Length + 1; room += step)
            {
                var destination = new char[room];
                var status = tokenizer.Decode(golden.Ids, destination, out var consumed, out var written);
                Assert.Equal(room >= text.Length ? OperationStatus.Done : OperationStatus.DestinationTooSmall, status);
                Assert.Equal(tokenizer.Decode(golden.Ids.AsSpan(0, consumed)), new string(destination, 0, written));
                Assert.StartsWith(new string(destination, 0, written), text, StringComparison.Ordinal);
                if (status == OperationStatus.Done) Assert.Equal(golden.Ids.Length, consumed);
            }
        }
    }

    /// <summary>Semantic Kernel cuts texts by what a tokenizer counts.</summary>
    [Theory, MemberData(nameof(Names))]
    public void Chunks_of_TextChunker_have_at_most_the_tokens_that_were_asked_for(string name)
    {
        Abstract tokenizer = GoldenCases.Load(name);
        var text = GoldenCases.Read(name).Single(golden => golden.Id == "long-english-code").Text;
        int Count(string part) => tokenizer.CountTokens(part);
        foreach (var most in new[] { 40, 128, 500 })
        {
#pragma warning disable SKEXP0050 // TextChunker is marked as experimental.
            var lines = TextChunker.SplitPlainTextLines(text, most, Count);
            var chunks = TextChunker.SplitPlainTextParagraphs(lines, most, tokenCounter: Count);
#pragma warning restore SKEXP0050
            Assert.True(chunks.Count > 3, $"{chunks.Count} chunks");
            Assert.All(chunks, chunk => Assert.InRange(tokenizer.EncodeToIds(chunk).Count, 1, most));
            Assert.Equal(Letters(text), Letters(string.Concat(chunks)));
        }
    }

    private static string Letters(string text) => string.Concat(text.Where(letter => !char.IsWhiteSpace(letter)));

    /// <summary>Calls as a host wrote them before there was a base class mean what they meant.</summary>
    [Fact]
    public void Calls_without_the_base_class_in_mind_mean_the_same()
    {
        var tokenizer = TinyTokenizer.Parse(TinyTokenizer.Good().ToJsonString());
        int[] ids = tokenizer.Encode("abc");
        List<int> list = [];
        tokenizer.Encode("abc", list, addSpecialTokens: true);
        Assert.Equal([8, 5], ids);
        Assert.Equal(ids, list);
        Assert.Equal("<s>abc", tokenizer.Decode(ids));
        Assert.Equal("abc", tokenizer.Decode(ids, skipSpecialTokens: true));
        Assert.Equal("abc", tokenizer.Decode([8, 5], true));
        Assert.Equal("<s>abc", tokenizer.Decode(list.ToArray().AsSpan()));
        Assert.Equal("<s>abc", tokenizer.Decode(list));
    }
}
