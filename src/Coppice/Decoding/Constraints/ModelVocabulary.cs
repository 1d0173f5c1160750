using Coppice.Constraints;
using Coppice.Text;

namespace Coppice.Decoding.Constraints;

/// <summary>What constraints need of a tokenizer.</summary>
internal static class ModelVocabulary
{
    /// <summary>The bytes of each id below <paramref name="size"/>.</summary>
    /// <param name="tokenizer">The tokenizer; null for none, then no id has bytes.</param>
    /// <param name="size">Entries of the model's vocabulary, which may be more than the tokenizer has.</param>
    /// <param name="endIds">Ids that end a text; like special ones they have no bytes, for typing their text must not end one.</param>
    public static TokenVocabulary Of(Tokenizer? tokenizer, int size, IReadOnlyList<int> endIds)
    {
        var bytes = new byte[size][];
        Array.Fill(bytes, []);
        var special = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var id = 0; tokenizer is not null && id < Math.Min(size, tokenizer.VocabularySize); id++)
        {
            if (!tokenizer.IsSpecial(id) && !endIds.Contains(id)) bytes[id] = tokenizer.TokenBytes(id).ToArray();
            else if (tokenizer.TokenText(id) is { } text) special.TryAdd(text, id);
        }
        return new TokenVocabulary(bytes, [.. endIds.Where(id => id < size)], special)
        {
            Encode = tokenizer is null ? null : text => tokenizer.Encode(text, addSpecialTokens: false),
        };
    }
}
