using Coppice.Text.Normalizers;
using Coppice.Text.TokenModels;

namespace Coppice.Text.Files;

/// <summary>Reads the list of added tokens.</summary>
internal static class AddedTokenReader
{
    /// <summary>The tokens of <paramref name="list"/>: the ids in the file are only what its writer expected.</summary>
    public static AddedTokens Read(JsonField? list, TokenModel model, Normalizer? normalizer)
    {
        var tokens = new AddedTokenList(model, []);
        foreach (var item in list?.Items() ?? [])
        {
            item.Required("id").Integer(Vocabulary.IdLimit - 1);
            tokens.Add(ReadOne(item, 0, normalizer));
        }
        return tokens.Complete();
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

    /// <summary>Reads the settings of one token as Python does: what is not said is false, and normalized unless it is special.</summary>
    public static AddedToken ReadLoose(JsonField item, int id, Normalizer? normalizer)
    {
        var content = item.Required("content").Text;
        var special = item.FlagOr("special", false);
        var normalized = item.FlagOr("normalized", !special);
        return new AddedToken
        {
            Id = id,
            Content = content,
            Form = normalized && normalizer is not null ? normalizer.Normalize(content) : content,
            SingleWord = item.FlagOr("single_word", false),
            StripsLeft = item.FlagOr("lstrip", false),
            StripsRight = item.FlagOr("rstrip", false),
            Normalized = normalized,
            Special = special,
        };
    }
}
