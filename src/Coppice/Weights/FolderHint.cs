namespace Coppice.Weights;

/// <summary>What a folder without the files of a model holds instead, as far as that says what to do.</summary>
internal static class FolderHint
{
    private const string Config = "config.json";
    private const int NamedFolders = 3;

    /// <summary>" (what is there, and what to do)" as the end of a message; nothing where nothing is known.</summary>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    public static string Of(string folder)
    {
        bool Has(string pattern) => Directory.EnumerateFiles(folder, pattern).Any();
        if (Has("adapter_model.safetensors") || Has("adapter_config.json"))
            return " (the folder holds an adapter: merge it into its base model first)";
        if (Has("*.gguf")) return " (the folder has GGUF files: load the model's original folder)";
        if (Has("consolidated.*") || Has("params.json"))
            return " (the folder has the files of the maker's own program: load those for transformers)";
        if (Has("*.safetensors"))
            return " (the folder has safetensors files of other names: what says what they hold is missing)";
        if (Has("*.bin")) return " (the folder has .bin files: convert them to safetensors first)";
        string[] models = [.. Directory.EnumerateDirectories(folder).Where(inner => File.Exists(Path.Combine(inner, Config)))
            .Select(inner => Path.GetFileName(inner)).Order(StringComparer.Ordinal)];
        return models.Length == 0 ? ""
            : $" (models are in {string.Join(", ", models.Take(NamedFolders))}{(models.Length > NamedFolders ? ", ..." : "")} in it)";
    }
}
