using Coppice.Text.TokenModels;

namespace Coppice.Text.Files;

/// <summary>Chooses among the tokenizer files of a checkpoint: tokenizer.json if it is there, else older kinds.</summary>
internal static class TokenizerFolder
{
    /// <summary>Reads the tokenizer in <paramref name="folder"/>.</summary>
    public static Tokenizer Load(string folder)
    {
        var settings = CheckpointSettings.Read(folder);
        var parts = ReadParts(folder);
        return new Tokenizer(parts with
        {
            SpecialTokens = settings.SpecialTokens(token => IdOf(parts, token)),
            ChatTemplates = settings.ChatTemplates,
        });
    }

    private static TokenizerParts ReadParts(string folder)
    {
        var json = Path.Combine(folder, "tokenizer.json");
        if (File.Exists(json)) return TokenizerJson.Read(JsonSource.Read(json));
        throw new CheckpointException($"{Path.GetFileName(folder)}: must hold tokenizer.json, but it is not there.");
    }

    private static int? IdOf(TokenizerParts parts, string token) =>
        parts.Added.IdOf(token) ?? (parts.Model.Vocabulary.TryFind(token, out var id) ? id : null);
}
