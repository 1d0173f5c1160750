using Coppice.Text.Normalizers;
using Coppice.Text.TokenModels;

namespace Coppice.Text.Files;

/// <summary>Reads the list of added tokens.</summary>
internal static class AddedTokenReader
{
    /// <summary>
    /// The tokens of <paramref name="list"/>. As in the original a token takes the model's id if the model knows it, else the next free
    /// one:
    /// the ids in the file are only what its writer expected.
    /// </summary>
    public static AddedTokens Read(JsonField? list, TokenModel model, Normalizer? normalizer)
    {
        var tokens = new List<AddedToken>();
        var ids = new Dictionary<string, int>();
        var next = model.Size;
        foreach (var item in list?.Items() ?? [])
        {
            item.Required("id").Integer(Vocabulary.IdLimit - 1);
            var read = ReadOne(item, 0, normalizer);
            if (read.Content.Length == 0) continue;
            if (!ids.TryGetValue(read.Content, out var id) && !model.Vocabulary.TryFind(read.Content, out id)) id = next++;
            ids[read.Content] = id;
            tokens.Add(read with { Id = id });
        }
        return new AddedTokens(tokens);
    }

    /// <summary>Reads the settings of one token.</summary>
    public static AddedToken ReadOne(JsonField item, int id, Normalizer? normalizer)
    {
        var content = item.Required("content").Text;
        var normalized = item.Required("normalized").Flag;
        return new AddedToken
        {
            Id = id,
            Content = content,
            Form = normalized && normalizer is not null ? normalizer.Normalize(content) : content,
            SingleWord = item.Required("single_word").Flag,
            StripsLeft = item.Required("lstrip").Flag,
            StripsRight = item.Required("rstrip").Flag,
            Normalized = normalized,
            Special = item.Required("special").Flag,
        };
    }
}
