using Coppice.Text.Normalizers;
using Coppice.Text.TokenModels;

namespace Coppice.Text.Files;

/// <summary>Reads the list of added tokens.</summary>
internal static class AddedTokenReader
{
    /// <summary>
    /// The tokens of <paramref name="list"/>. As in the original a token takes the model's id if the model knows it, else the next free one:
    /// the ids in the file are only what its writer expected.
    /// </summary>
    public static AddedTokens Read(JsonField? list, TokenModel model, Normalizer? normalizer)
    {
        var tokens = new List<AddedToken>();
        var ids = new Dictionary<string, int>();
        var next = model.Size;
        foreach (var item in list?.Items() ?? [])
        {
            var content = item.Required("content").Text;
            item.Required("id").Integer(Vocabulary.IdLimit - 1);
            var normalized = item.Required("normalized").Flag;
            var read = new AddedToken
            {
                Id = 0,
                Content = content,
                Form = normalized && normalizer is not null ? normalizer.Normalize(content) : content,
                SingleWord = item.Required("single_word").Flag,
                StripsLeft = item.Required("lstrip").Flag,
                StripsRight = item.Required("rstrip").Flag,
                Normalized = normalized,
                Special = item.Required("special").Flag,
            };
            if (content.Length == 0) continue;
            if (!ids.TryGetValue(content, out var id) && !model.Vocabulary.TryFind(content, out id)) id = next++;
            ids[content] = id;
            tokens.Add(read with { Id = id });
        }
        return new AddedTokens(tokens);
    }
}
