namespace Coppice.Text.Files;

/// <summary>The names under which readers of GGUF files know ways of cutting texts before BPE.</summary>
internal static class GgufPreTokenizers
{
    private const string Contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|";
    private const string Rest = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    /// <summary>
    /// The name by what <see cref="Describe"/> says of the pre-tokenizer, and whether the reader then leaves whole tokens unmerged.
    /// </summary>
    private static readonly Dictionary<string, (string Name, bool IgnoresMerges)> Names = new(StringComparer.Ordinal)
    {
        ["bytes"] = ("gpt-2", false),
        ["digits bytes"] = ("smollm", false),
        [$"split {Contractions}\\p{{N}}{{1,3}}{Rest} spelling"] = ("llama-bpe", true),
        [$"split {Contractions}\\p{{N}}{Rest} spelling"] = ("qwen2", false),
    };

    /// <summary>The name of a pre-tokenizer.</summary>
    /// <exception cref="UnsupportedModelException">It has none, or readers would treat texts differently in another way.</exception>
    public static string Name(JsonField? normalizer, JsonField? preTokenizer, bool ignoresMerges, string file)
    {
        // Readers do not normalise; the format's own converters accept that for NFC.
        if (normalizer?.Required("type") is { Text: not "NFC" } type) throw type.Unsupported("NFC or none, to be written as GGUF");
        var described = preTokenizer is { } field ? string.Join(' ', Flatten(field).Select(Describe)) : "none";
        if (Names.TryGetValue(described, out var known) && known.IgnoresMerges == ignoresMerges) return known.Name;
        throw new UnsupportedModelException(
            $"{file}: pre_tokenizer must be one that GGUF files have a name for "
            + $"({string.Join(", ", Names.Values.Select(name => name.Name))}), found another.");
    }

    private static IEnumerable<JsonField> Flatten(JsonField field) =>
        field.Required("type").Text == "Sequence" ? field.Required("pretokenizers").Items().SelectMany(Flatten) : [field];

    private static string Describe(JsonField part) => part.Required("type").Text switch
    {
        "ByteLevel" when !part.Required("add_prefix_space").Flag => part.FlagOr("use_regex", true) ? "bytes" : "spelling",
        "Digits" when part.Required("individual_digits").Flag => "digits",
        "Split" when part.Required("behavior").Text == "Isolated" && !part.Required("invert").Flag =>
            $"split {part.Required("pattern").Optional("Regex")?.Text}",
        var other => $"other {other}",
    };
}
