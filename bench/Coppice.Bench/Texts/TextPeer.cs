using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Coppice.Text.Unicode;
using Microsoft.ML.Tokenizers;

namespace Coppice.Bench.Texts;

/// <summary>Another tokenizer: its name, and the ids of a text.</summary>
internal sealed record TextPeer(string Name, Func<string, IReadOnlyList<int>> Encode)
{
    private const string DigitsThenGpt2 = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>Every tokenizer of Microsoft.ML.Tokenizers that can have the vocabulary of a tokenizer.json.</summary>
    public static IReadOnlyList<TextPeer> OfMicrosoft(string folder)
    {
        using var parsed = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "tokenizer.json")));
        var (root, model) = (parsed.RootElement, parsed.RootElement.GetProperty("model"));
        return model.GetProperty("type").GetString() switch
        {
            "WordPiece" => [Of("BertTokenizer", BertTokenizer.Create(Lines(model), new BertOptions()))],
            "Unigram" => [Of("SentencePieceTokenizer", SentencePieceTokenizer.Create(SentencePieceFile.Write(root),
                addBeginningOfSentence: false))],
            "BPE" when model.GetProperty("byte_fallback").GetBoolean() =>
                [Of("LlamaTokenizer", LlamaTokenizer.Create(SentencePieceFile.Write(root), addBeginOfSentence: false))],
            _ => [Of("BpeTokenizer", Bpe(root, model)), Of("TiktokenTokenizer",
                TiktokenTokenizer.Create(Ranks(root, model), Cut(root), null))],
        };
    }

    /// <summary>FastBertTokenizer with the vocabulary of a tokenizer.json; it frames each text with two tokens.</summary>
    public static TextPeer FastBert(string folder)
    {
        var tokenizer = new FastBertTokenizer.BertTokenizer();
        using var parsed = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "tokenizer.json")));
        using var lines = new StreamReader(Lines(parsed.RootElement.GetProperty("model")));
        tokenizer.LoadVocabulary(lines, convertInputToLowercase: true);
        var (ids, mask) = (new long[1 << 14], new long[1 << 14]);
        return new TextPeer("FastBertTokenizer", text => new Framed(ids, tokenizer.Encode(text, ids, mask)));
    }

    /// <summary>
    /// Hugging Face tokenizers through Tokenizers.DotNet, or null where its native code does not run; it frames texts as the file says.
    /// </summary>
    public static TextPeer? HuggingFace(string folder)
    {
        try
        {
            var tokenizer = new Tokenizers.DotNet.Tokenizer(Path.Combine(folder, "tokenizer.json"));
            uint[] frame = tokenizer.Encode(""), example = tokenizer.Encode("a");
            var before = frame.Zip(example).TakeWhile(pair => pair.First == pair.Second).Count();
            return new TextPeer("Tokenizers.DotNet", text => new Slice(tokenizer.Encode(text), before, frame.Length - before));
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException or TypeInitializationException)
        {
            Console.Error.WriteLine($"texts: Tokenizers.DotNet does not run here: {error.Message}");
            return null;
        }
    }

    private static TextPeer Of(string name, Tokenizer tokenizer) => new(name, text => tokenizer.EncodeToIds(text));

    private static BpeTokenizer Bpe(JsonElement root, JsonElement model) => BpeTokenizer.Create(
        new BpeOptions(model.GetProperty("vocab").EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.GetInt32()))
        {
            Merges = [.. model.GetProperty("merges").EnumerateArray().Select(merge =>
                merge.ValueKind == JsonValueKind.String ? merge.GetString()! : $"{merge[0].GetString()} {merge[1].GetString()}")],
            PreTokenizer = Cut(root),
            ByteLevel = true,
        });

    /// <summary>The last regular expression of the pre-tokenizers, or that of GPT-2 with digits one by one.</summary>
    private static RegexPreTokenizer Cut(JsonElement root) =>
        new(new Regex(Expressions(root.GetProperty("pre_tokenizer")).LastOrDefault() ?? DigitsThenGpt2, RegexOptions.Compiled), null);

    private static IEnumerable<string> Expressions(JsonElement part)
    {
        if (part.TryGetProperty("pretokenizers", out var parts)) return parts.EnumerateArray().SelectMany(Expressions);
        return part.TryGetProperty("pattern", out var pattern) && pattern.TryGetProperty("Regex", out var regex)
            ? [regex.GetString()!] : [];
    }

    /// <summary>The file of tiktoken: the bytes of each token in base 64, and its rank, here its id.</summary>
    private static MemoryStream Ranks(JsonElement root, JsonElement model)
    {
        var added = root.GetProperty("added_tokens").EnumerateArray().Select(token => token.GetProperty("id").GetInt32()).ToHashSet();
        var lines = new StringBuilder();
        foreach (var entry in model.GetProperty("vocab").EnumerateObject().Where(entry => !added.Contains(entry.Value.GetInt32())))
        {
            var bytes = entry.Name.Select(letter => ByteAlphabet.TryByte(letter, out var value)
                ? value : throw new InvalidDataException(entry.Name));
            lines.Append(CultureInfo.InvariantCulture, $"{Convert.ToBase64String([.. bytes])} {entry.Value.GetInt32()}\n");
        }
        return new MemoryStream(Encoding.UTF8.GetBytes(lines.ToString()));
    }

    private static MemoryStream Lines(JsonElement model) => new(Encoding.UTF8.GetBytes(string.Join('\n',
        model.GetProperty("vocab").EnumerateObject().OrderBy(entry => entry.Value.GetInt32()).Select(entry => entry.Name))));

    /// <summary>Ids without those before and after the text, read where they lie.</summary>
    private sealed class Slice(uint[] ids, int before, int after) : IReadOnlyList<int>
    {
        public int Count => ids.Length - before - after;
        public int this[int index] => (int)ids[before + index];
        public IEnumerator<int> GetEnumerator() => ids.Take(before..^after).Select(id => (int)id).GetEnumerator();
        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }

    /// <summary>The ids between the two of the frame, read where they lie.</summary>
    private sealed class Framed(long[] ids, int count) : IReadOnlyList<int>
    {
        public int Count => count - 2;
        public int this[int index] => (int)ids[index + 1];
        public IEnumerator<int> GetEnumerator() => ids.Take(1..(count - 1)).Select(id => (int)id).GetEnumerator();
        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
