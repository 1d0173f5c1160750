using System.Text;
using Coppice.Text;

namespace Coppice.Constraints.Tests.Support;

/// <summary>Vocabularies for tests.</summary>
internal static class Vocabularies
{
    private static readonly Lazy<(Tokenizer Tokenizer, TokenVocabulary Vocabulary)?> SmolLm = new(LoadSmolLm);

    /// <summary>256 single bytes, some longer tokens, and an end: every text has many splits.</summary>
    public static TokenVocabulary Small { get; } = Of(
        "ab", "abc", "\":", "\",", "\",\"", "\":\"", "{\"", "\"}", "}}", "[]", "{}", "],", ", \"", ": ", "  ", "\n  ", "true", "false",
            "null", "tr", "12", "0.5", "-1", "e1",
        "na", "name", "name\":", "é", "日本", "日", "\\\"", "\\n", "\\u00", "1,", "\"a\"", "aa", "aaa", ",1", "1]");

    /// <summary>Single bytes, <paramref name="texts"/> and an end.</summary>
    public static TokenVocabulary Of(params string[] texts)
    {
        var tokens = Enumerable.Range(0, 256).Select(value => new[] { (byte)value }).ToList();
        tokens.AddRange(texts.Select(Encoding.UTF8.GetBytes));
        tokens.Add([]);
        return new TokenVocabulary(tokens, [tokens.Count - 1]);
    }

    /// <summary>Exactly <paramref name="texts"/> and an end.</summary>
    public static TokenVocabulary Only(params string[] texts)
    {
        byte[][] tokens = [.. texts.Select(Encoding.UTF8.GetBytes), []];
        return new TokenVocabulary(tokens, [tokens.Length - 1]);
    }

    /// <summary>The tokenizer of SmolLM2 with its vocabulary; the test is skipped where the golden data are not there.</summary>
    public static (Tokenizer Tokenizer, TokenVocabulary Vocabulary) Real()
    {
        Assert.SkipWhen(SmolLm.Value is null, "COPPICE_SHARED does not name the golden data");
        return SmolLm.Value!.Value;
    }

    /// <summary>A file of the golden data; the test is skipped where they are not there.</summary>
    public static string Golden(string path)
    {
        var shared = Environment.GetEnvironmentVariable("COPPICE_SHARED");
        Assert.SkipWhen(shared is null, "COPPICE_SHARED does not name the golden data");
        return Path.Combine(shared!, "golden", path);
    }

    /// <summary>Whether <paramref name="mask"/> allows <paramref name="token"/>.</summary>
    public static bool Has(this ulong[] mask, int token) => ((mask[token >> 6] >> token) & 1) != 0;

    /// <summary>The mask that follows.</summary>
    public static ulong[] MaskOf(this ITokenConstraint constraint, TokenVocabulary vocabulary, int tokensLeft = int.MaxValue)
    {
        var mask = new ulong[vocabulary.MaskWords];
        constraint.FillMask(mask, tokensLeft);
        return mask;
    }

    /// <summary>The ids that <paramref name="mask"/> allows.</summary>
    public static int[] Ids(this ulong[] mask, TokenVocabulary vocabulary) =>
        [.. Enumerable.Range(0, vocabulary.Count).Where(id => mask.Has(id))];

    private static (Tokenizer, TokenVocabulary)? LoadSmolLm()
    {
        var shared = Environment.GetEnvironmentVariable("COPPICE_SHARED");
        if (shared is null) return null;
        var tokenizer = Tokenizer.Load(Path.Combine(shared, "models", "smollm2-135m-instruct"));
        var tokens = Enumerable.Range(0, tokenizer.VocabularySize)
            .Select(id => tokenizer.IsSpecial(id) ? [] : tokenizer.TokenBytes(id).ToArray()).ToArray();
        return (tokenizer, new TokenVocabulary(tokens, [tokenizer.SpecialTokens.EndId!.Value]));
    }
}
