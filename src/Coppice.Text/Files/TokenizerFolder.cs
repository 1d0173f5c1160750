namespace Coppice.Text.Files;

/// <summary>Chooses among the tokenizer files of a checkpoint: tokenizer.json if it is there, else older kinds.</summary>
internal static class TokenizerFolder
{
    // In the order in which they are preferred.
    private static readonly string[][] Kinds = [["tokenizer.json"], ["tokenizer.model"], ["vocab.json", "merges.txt"], ["vocab.txt"]];

    /// <summary>The files that are looked for, for messages.</summary>
    public static string Names { get; } = string.Join(", ", Kinds.Select(kind => string.Join(" with ", kind)));

    /// <summary>Whether <paramref name="folder"/> has tokenizer files, of a kind that <see cref="Load"/> reads.</summary>
    public static bool IsIn(string folder) => Kinds.Any(kind => kind.All(file => File.Exists(Path.Combine(folder, file))));

    /// <summary>Reads the tokenizer in <paramref name="folder"/>.</summary>
    public static Tokenizer Load(string folder)
    {
        folder = CheckpointFolder.Resolve(folder);
        var settings = CheckpointSettings.Read(folder);
        return With(settings, ReadParts(folder, settings));
    }

    /// <summary>The tokenizer of <paramref name="parts"/>, which have what <paramref name="settings"/> add, and of the settings.</summary>
    public static Tokenizer With(CheckpointSettings settings, TokenizerParts parts) => new(parts with
    {
        SpecialTokens = settings.SpecialTokens(parts.IdOf),
        ChatTemplates = settings.ChatTemplates,
        MaxLength = settings.MaxLength,
        CleansUpSpaces = settings.CleansUpSpaces,
        Warnings = settings.Warnings,
    });

    private static TokenizerParts ReadParts(string folder, CheckpointSettings settings)
    {
        var json = Path.Combine(folder, "tokenizer.json");
        if (File.Exists(json)) return settings.Complete(TokenizerJson.Read(JsonSource.Read(json)));
        var pieces = Path.Combine(folder, "tokenizer.model");
        if (File.Exists(pieces)) return SentencePieceReader.Read("tokenizer.model", JsonSource.ReadBytes(pieces), settings);
        if (File.Exists(Path.Combine(folder, "vocab.json")) && File.Exists(Path.Combine(folder, "merges.txt")))
            return GptFiles.Read(folder, settings);
        if (File.Exists(Path.Combine(folder, "vocab.txt"))) return BertFiles.Read(folder, settings);
        if (File.Exists(Path.Combine(folder, "tekken.json")))
            throw new UnsupportedModelException("tekken.json: Mistral's own tokenizer file is not supported; "
                + "supported: tokenizer.json, which transformers writes of the same tokenizer.");
        var found = Directory.Exists(folder) ? "none of them is there" : "there is no such folder";
        throw new CheckpointException($"{Path.GetFileName(folder)}: must hold one of {Names}, but {found}.");
    }
}
