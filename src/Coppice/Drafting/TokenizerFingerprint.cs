using System.Security.Cryptography;
using System.Text;
using Coppice.Text;

namespace Coppice.Drafting;

/// <summary>What a datastore is bound to: a hash of every token's text in the order of the ids.</summary>
internal static class TokenizerFingerprint
{
    /// <summary>SHA-256 over the texts as UTF-8, each followed by a zero byte; zeros where there is no tokenizer.</summary>
    public static byte[] Of(Tokenizer? tokenizer)
    {
        if (tokenizer is null) return new byte[SHA256.HashSizeInBytes];
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var id = 0; id < tokenizer.VocabularySize; id++)
            hash.AppendData(Encoding.UTF8.GetBytes((tokenizer.TokenText(id) ?? "") + "\0"));
        return hash.GetHashAndReset();
    }
}
