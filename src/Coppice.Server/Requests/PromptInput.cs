using System.Text.Json;
using Coppice.Server.Http;

namespace Coppice.Server.Requests;

/// <summary>One of the texts of a request: as text, or as tokens.</summary>
internal readonly record struct PromptInput(string? Text, int[]? Ids)
{
    private const string Must = "a text, a list of texts, a list of token ids, or a list of such lists";

    /// <summary>A text, texts, tokens, or several lists of tokens.</summary>
    /// <exception cref="ApiException">The field is something else, or absent.</exception>
    public static IReadOnlyList<PromptInput> Read(RequestFields fields, string name)
    {
        var value = fields.Any(name) ?? throw ApiException.Wrong(name, Must, "nothing");
        if (value.ValueKind == JsonValueKind.String) return [new PromptInput(RequestFields.TextOf(name, value), null)];
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() == 0) throw ApiException.Wrong(name, Must, value);
        if (value[0].ValueKind == JsonValueKind.Number) return [new PromptInput(null, Tokens(name, value))];
        return [.. value.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Array
            ? new PromptInput(null, Tokens(name, item))
            : new PromptInput(RequestFields.TextOf(name, item, Must), null))];
    }

    private static int[] Tokens(string name, JsonElement list)
    {
        var ids = new int[list.GetArrayLength()];
        var count = 0;
        foreach (var item in list.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt32(out ids[count++])) throw ApiException.Wrong(name, Must, item);
        }
        return ids.Length > 0 ? ids : throw ApiException.Wrong(name, Must, "an empty list");
    }
}
