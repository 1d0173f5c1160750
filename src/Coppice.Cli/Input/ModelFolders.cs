using Coppice.Text;

namespace Coppice.Cli;

/// <summary>Opens what a user calls a model.</summary>
internal static class ModelFolders
{
    /// <summary>Checks that <paramref name="folder"/> is a folder.</summary>
    /// <exception cref="CommandException">It is not.</exception>
    public static string Require(string folder)
    {
        if (Directory.Exists(folder)) return folder;
        throw new CommandException(File.Exists(folder)
            ? $"{folder}: must be a folder with config.json and safetensors files, found a file."
            : $"{folder}: the model's folder must be there, found none.");
    }

    /// <summary>The tokenizer of <paramref name="folder"/>, which may hold nothing else.</summary>
    public static Tokenizer LoadTokenizer(string folder) => Tokenizer.Load(Require(folder));
}
