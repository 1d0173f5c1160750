using System.CommandLine;
using Coppice.Text;
using Coppice.Text.Files;

namespace Coppice.Cli;

/// <summary>Opens what a user calls a model.</summary>
internal static class ModelFolders
{
    /// <summary>The option that names one; without it, the model that ships with the program.</summary>
    public static Option<string> Option(string description) =>
        new("--model") { Description = description, HelpName = "DIR", DefaultValueFactory = _ => Shipped() };

    /// <summary>Checks that <paramref name="folder"/> is a folder, and returns the one with the files in it.</summary>
    /// <exception cref="CommandException">It is not.</exception>
    /// <exception cref="CheckpointException">It is a hub's cache without the snapshot that it names.</exception>
    public static string Require(string folder)
    {
        if (Directory.Exists(folder)) return CheckpointFolder.Resolve(folder);
        throw new CommandException(File.Exists(folder)
            ? $"{folder}: must be a folder with config.json and safetensors files, found a file."
            : $"{folder}: the model's folder must be there, found none (name another with --model DIR).");
    }

    /// <summary>weights/tiny beside the program or in a folder above it, as in the repository.</summary>
    private static string Shipped()
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
