using Coppice.Constraints;
using Coppice.Text;

namespace Coppice.Cli;

/// <summary>What constraints need of a tokenizer.</summary>
internal static class Vocabularies
{
    /// <summary>The bytes of each id; special ids have none. The end of text ends a text.</summary>
    public static TokenVocabulary Of(Tokenizer tokenizer)
    {
        var bytes = new byte[tokenizer.VocabularySize][];
        var special = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var id = 0; id < bytes.Length; id++)
        {
            bytes[id] = tokenizer.IsSpecial(id) ? [] : tokenizer.TokenBytes(id).ToArray();
            if (tokenizer.IsSpecial(id) && tokenizer.TokenText(id) is { } text) special.TryAdd(text, id);
        }
        return new TokenVocabulary(bytes, tokenizer.SpecialTokens.EndId is { } end ? [end] : [], special);
    }
}
