using Coppice.Decoding;
using Coppice.Text;
using Coppice.Text.Normalizers;

namespace Coppice.Embeddings;

/// <summary>Turns texts into the ids that a model embeds: prompt and frame added, the end of a long text left out.</summary>
internal sealed class TextEncoder(Tokenizer tokenizer, SentenceFolder folder, int vocabularySize, int maxTokens)
{
    /// <summary>The ids of <paramref name="text"/>, at least one and at most as many as fit.</summary>
    /// <exception cref="ArgumentException">The text has no token, or one that the model does not have.</exception>
    public int[] Encode(string text, out bool isTruncated)
    {
        if (folder.Prompt.Length > 0) text = folder.Prompt + text;
        if (folder.IsLowerCased)
        {
            var atStart = true;
            text = CharacterFilter.Lowercase.Normalize(text, ref atStart);
        }
        var ids = tokenizer.EncodeWithin(text, maxTokens, out isTruncated);
        if (ids.Length == 0)
            throw new ArgumentException("embedding: a text must have at least one token for this model, got none.", nameof(text));
        PromptCheck.Ids(ids, vocabularySize);
        return ids;
    }
}
