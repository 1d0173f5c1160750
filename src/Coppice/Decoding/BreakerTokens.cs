using System.Text;
using Coppice.Constraints;
using Coppice.Decoding.Sampling;

namespace Coppice.Decoding;

/// <summary>Which token sequences the texts are that repetitions do not reach across, in the tokens of one model.</summary>
/// <remarks>
/// A text may begin within a token and end within another one: for every token that holds it, or whose end begins it, the rest of the text
/// as the tokenizer splits it. Keeps the sequences of the texts that were asked for last: they take milliseconds to find. Thread-safe.
/// Source: DRY of llama.cpp, with its limits of 40 characters and 20 tokens.
/// </remarks>
/// <param name="vocabulary">The model's tokens.</param>
internal sealed class BreakerTokens(Func<TokenVocabulary> vocabulary)
{
    private const int MostCharacters = 40, MostTokens = 20;

    private (string[] Texts, DryBreakers Breakers) _last = ([], DryBreakers.None);
    private readonly Lock _gate = new();

    /// <summary>The sequences of <paramref name="texts"/>, none of which is empty.</summary>
    public DryBreakers Of(IReadOnlyList<string> texts)
    {
        lock (_gate)
        {
            if (!_last.Texts.SequenceEqual(texts)) _last = ([.. texts], Find(texts, vocabulary()));
            return _last.Breakers;
        }
    }

    /// <summary>Finds the sequences anew. Time: tokens times texts.</summary>
    internal static DryBreakers Find(IReadOnlyList<string> texts, TokenVocabulary vocabulary)
    {
        var found = new Dictionary<int, List<int[]>>();
        foreach (var text in texts)
        {
            var bytes = Encoding.UTF8.GetBytes(text.Length > MostCharacters ? text[..MostCharacters] : text);
            var rests = new Dictionary<int, int[]?>();      // by the bytes that the first token has of it
            for (var id = 0; id < vocabulary.Count; id++)
            {
                var token = vocabulary.BytesOf(id);
                if (token.IndexOf(new ReadOnlySpan<byte>(bytes)) >= 0) Add(found, id, []);
                else AddOverlaps(found, id, token, bytes, rests, vocabulary);
            }
        }
        return new DryBreakers(found.ToDictionary(pair => pair.Key, pair => pair.Value.ToArray()));
    }

    private static void AddOverlaps(
        Dictionary<int, List<int[]>> found, int id, ReadOnlySpan<byte> token, byte[] text, Dictionary<int, int[]?> rests,
        TokenVocabulary vocabulary)
    {
        for (var had = Math.Min(token.Length, text.Length - 1); had > 0; had--)
        {
            if (!token[^had..].SequenceEqual(text.AsSpan(0, had))) continue;
            if (!rests.TryGetValue(had, out var rest)) rests[had] = rest = Split(text.AsSpan(had), vocabulary);
            if (rest is not null) Add(found, id, rest);
        }
    }

    /// <summary>The tokens of the rest of a text; null where it begins within a character, or nothing splits it.</summary>
    private static int[]? Split(ReadOnlySpan<byte> rest, TokenVocabulary vocabulary)
    {
        const int tail = 0b1000_0000, mask = 0b1100_0000;
        if (vocabulary.Encode is not { } encode || (rest[0] & mask) == tail) return null;
        int[] ids = [.. encode(Encoding.UTF8.GetString(rest)).Take(MostTokens)];
        return ids.Length == 0 ? null : ids;
    }

    private static void Add(Dictionary<int, List<int[]>> found, int id, int[] rest)
    {
        if (!found.TryGetValue(id, out var sequences)) found[id] = sequences = [];
        sequences.Add(rest);
    }
}
