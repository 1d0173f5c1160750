using System.Text.RegularExpressions;

namespace Coppice.Cli.Hub;

/// <summary>What a hub calls its models, their revisions and files; all of it becomes paths here, so it is checked.</summary>
internal static partial class HubName
{
    private const int LongestSegment = 255;

    /// <summary>Files of a model that the engine reads.</summary>
    private static readonly HashSet<string> Read = new(StringComparer.Ordinal)
    {
        "config.json", "generation_config.json", "model.safetensors.index.json",
        "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "tekken.json", "vocab.json", "vocab.txt", "merges.txt",
        "added_tokens.json", "special_tokens_map.json", "chat_template.jinja", "chat_template.json",
        "modules.json", "sentence_bert_config.json", "config_sentence_transformers.json",
    };

    /// <summary>Whether the text is a model's name: "owner/name", or a name alone.</summary>
    public static bool IsModel(string text) =>
        Model().IsMatch(text) && !text.Contains("..", StringComparison.Ordinal) && !text.Contains("--", StringComparison.Ordinal);

    /// <summary>
    /// Whether <paramref name="path"/> stays in its folder on every system: parts with slashes between them, none of which leads
    /// elsewhere.
    /// </summary>
    public static bool IsInside(string path) =>
        path.Length > 0 && path.Split('/').All(part =>
            part.Length is > 0 and <= LongestSegment && part is not ("." or "..") && part[^1] is not ('.' or ' ')
            && part.All(c => c >= ' ' && c is not ('\\' or ':' or '*' or '?' or '"' or '<' or '>' or '|' or '\u007f')));

    /// <summary>
    /// Whether the engine reads this file: weights as safetensors, tokenizers and configurations, also those of sentence-transformers in
    /// folders.
    /// </summary>
    public static bool IsRead(string path)
    {
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        var name = path[(slash + 1)..];
        if (slash < 0) return Read.Contains(name) || name.EndsWith(".safetensors", StringComparison.Ordinal);
        var folder = path[..slash];
        if (folder == "additional_chat_templates")
            return name.EndsWith(".jinja", StringComparison.Ordinal) && !name.Contains('/', StringComparison.Ordinal);
        return Module().IsMatch(folder)
            && (Read.Contains(name) || name.EndsWith(".safetensors", StringComparison.Ordinal)
            && !name.Contains('/', StringComparison.Ordinal));
    }

    /// <summary>Whether the text is a commit's.</summary>
    public static bool IsCommit(string text) => Commit().IsMatch(text);

    /// <summary>Whether the text is the hash of a file: 40 digits as git counts, 64 of SHA-256.</summary>
    public static bool IsHash(string text) => Hash().IsMatch(text);

    [GeneratedRegex(@"^[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?\z", RegexOptions.ECMAScript)]
    private static partial Regex Model();
    [GeneratedRegex(@"^[0-9]+_[A-Za-z]+\z", RegexOptions.ECMAScript)]
    private static partial Regex Module();
    [GeneratedRegex(@"^[0-9a-f]{40}\z")]
    private static partial Regex Commit();
    [GeneratedRegex(@"^([0-9a-f]{40}|[0-9a-f]{64})\z")]
    private static partial Regex Hash();
}
