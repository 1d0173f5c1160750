using System.CommandLine;
using Coppice.Cli.Hub;
using Coppice.Text;
using Coppice.Text.Files;

namespace Coppice.Cli;

/// <summary>Opens what a user calls a model.</summary>
internal static class ModelFolders
{
    /// <summary>The option that names one; without it, the model that ships with the program.</summary>
    public static Option<string> Option(string description) =>
        new("--model") { Description = description, HelpName = "DIR|NAME", DefaultValueFactory = _ => Shipped() };

    /// <summary>
    /// The folder with the files of what a user calls a model: a folder, a model's folder in a hub's cache, a cache of one model, or the
    /// name of a model in the user's cache.
    /// </summary>
    /// <exception cref="CommandException">There is no such model, or the folder has several.</exception>
    /// <exception cref="CheckpointException">It is a hub's cache without the snapshot that it names.</exception>
    public static string Require(string folder)
    {
        if (folder.Length == 0)
            throw new CommandException(
                "--model must name a folder or a model, found an empty text (was a variable of the shell meant that is not set?).");
        if (Directory.Exists(folder)) return CheckpointFolder.Resolve(OnlyModel(folder));
        if (File.Exists(folder))
            throw new CommandException($"{folder}: must be a folder with config.json and safetensors files, found a file.");
        var isName = HubName.IsModel(folder);
        if (isName && HubCache.OfUser().Folder(folder) is var pulled && Directory.Exists(pulled)) return CheckpointFolder.Resolve(pulled);
        var hint = isName && folder.Contains('/', StringComparison.Ordinal)
            ? $"name another with --model DIR, or fetch it: coppice pull {folder}"
            : "name another with --model DIR";
        throw new CommandException($"{folder}: the model's folder must be there, found none ({hint}).");
    }

    /// <summary>The one model of a hub's cache; any other folder as it is.</summary>
    private static string OnlyModel(string folder)
    {
        if (File.Exists(Path.Combine(folder, "config.json")) || HubCache.Models(folder) is not { Length: > 0 } models) return folder;
        return models is [var only]
            ? only
            : throw new CommandException(
                $"{folder}: a hub's cache must have one model to be meant by its folder, found {models.Length}: "
                + $"{string.Join(", ", models.Select(model => HubCache.ModelOf(model)))} (name one of them with --model).");
    }

    /// <summary>weights/tiny beside the program or in a folder above it, as in the repository.</summary>
    public static string Shipped()
    {
        var shipped = Path.Combine("weights", "tiny");
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, shipped);
            if (File.Exists(Path.Combine(candidate, "config.json"))) return candidate;
        }
        return shipped;
    }

    /// <summary>The tokenizer of <paramref name="folder"/>, which may hold nothing else.</summary>
    public static Tokenizer LoadTokenizer(string folder) => Tokenizer.Load(Require(folder));

    /// <summary>The tokenizer of <paramref name="model"/>, for a text.</summary>
    /// <exception cref="CommandException">It has none; the message ends with <paramref name="hint"/>.</exception>
    public static Tokenizer RequireTokenizer(LanguageModel model, string hint = "") =>
        model.Tokenizer
            ?? throw new CommandException($"{model.Folder}: the folder has none of {TokenizerFolder.Names}, so it takes no text{hint}.");
}
