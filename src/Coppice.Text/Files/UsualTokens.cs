namespace Coppice.Text.Files;

/// <summary>Special tokens that the classes of transformers have where the files of a checkpoint do not say otherwise.</summary>
internal static class UsualTokens
{
    private const string EndOfText = "<|endoftext|>";

    /// <summary>Beginnings of class names with their bos_token, eos_token and unk_token; the first that fits counts.</summary>
    private static readonly (string Class, string? Beginning, string? End, string? Unknown)[] Classes =
    [
        ("Llama", "<s>", "</s>", "<unk>"), ("CodeLlama", "<s>", "</s>", "<unk>"), ("Gemma", "<bos>", "<eos>", "<unk>"),
        ("Qwen2", null, EndOfText, EndOfText), ("GPT2", EndOfText, EndOfText, EndOfText), ("GPTNeoX", EndOfText, EndOfText, EndOfText),
        ("CodeGen", EndOfText, EndOfText, EndOfText), ("Cohere", "<BOS_TOKEN>", "<|END_OF_TURN_TOKEN|>", "<UNK>"),
        ("T5", null, "</s>", "<unk>"), ("Roberta", "<s>", "</s>", "<unk>"), ("Bart", "<s>", "</s>", "<unk>"),
    ];

    /// <summary>Classes that begin texts with bos_token unless add_bos_token says otherwise.</summary>
    private static readonly string[] Beginning = ["Llama", "CodeLlama", "Gemma", "Cohere"];

    /// <summary>The token of <paramref name="role"/> in <paramref name="tokenizerClass"/>, or null.</summary>
    public static string? Of(string? tokenizerClass, string role)
    {
        if (tokenizerClass is null) return null;
        var found = Array.Find(Classes, known => tokenizerClass.StartsWith(known.Class, StringComparison.Ordinal));
        return role switch { "bos_token" => found.Beginning, "eos_token" => found.End, "unk_token" => found.Unknown, _ => null };
    }

    /// <summary>Whether the class begins texts with its bos_token.</summary>
    public static bool BeginsTexts(string? tokenizerClass) =>
        tokenizerClass is not null && Beginning.Any(known => tokenizerClass.StartsWith(known, StringComparison.Ordinal));
}
