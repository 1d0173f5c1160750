using Coppice.Constraints;
using Coppice.Decoding.Constraints;
using Coppice.Text;

namespace Coppice.Cli;

/// <summary>What constraints need of a tokenizer.</summary>
internal static class Vocabularies
{
    /// <summary>The bytes of each id; special ids have none. The end of text ends a text.</summary>
    public static TokenVocabulary Of(Tokenizer tokenizer)
    {
        int[] ends = tokenizer.SpecialTokens.EndId is { } end ? [end] : [];
        return ModelVocabulary.Of(tokenizer, tokenizer.VocabularySize, ends);
    }
}
