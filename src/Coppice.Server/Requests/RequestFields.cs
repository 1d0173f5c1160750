using System.Text.Json;
using Coppice.Server.Http;

namespace Coppice.Server.Requests;

/// <summary>
/// The fields of a request's body: each is read by its name, wrong types are refused, null counts as absent, and what was not read is
/// refused at the end.
/// </summary>
internal sealed class RequestFields(JsonElement body)
{
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    /// <summary>The field as it is; null where it is absent or null.</summary>
    public JsonElement? Any(string name)
    {
        _known.Add(name);
        return body.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    /// <summary>A text.</summary>
    public string? Text(string name) => Any(name) is { } value ? TextOf(name, value) : null;

    /// <summary>A text that must be one of <paramref name="choices"/>.</summary>
    public string? Choice(string name, params ReadOnlySpan<string> choices)
    {
        if (Text(name) is not { } text) return null;
        return choices.Contains(text) ? text
            : throw ApiException.Wrong(name, $"one of {string.Join(", ", choices!)}", $"\"{ApiException.Clip(text)}\"");
    }

    /// <summary>A number within limits.</summary>
    public float? Number(string name, double least, double most)
    {
        if (Any(name) is not { } value) return null;
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number >= least && number <= most
            ? (float)number
            : throw ApiException.Wrong(name, FormattableString.Invariant($"a number from {least} to {most}"), value);
    }

    /// <summary>A whole number within limits.</summary>
    public int? Whole(string name, int least, int most) => (int?)Long(name, least, most);

    /// <summary>A whole number within limits.</summary>
    public long? Long(string name, long least = long.MinValue, long most = long.MaxValue)
    {
        if (Any(name) is not { } value) return null;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) && number >= least && number <= most)
            return number;
        var limits = least == long.MinValue ? "" : most is int.MaxValue or long.MaxValue ? $" that is at least {least}"
            : $" from {least} to {most}";
        throw ApiException.Wrong(name, $"a whole number{limits}", value);
    }

    /// <summary>True or false.</summary>
    public bool? Flag(string name)
    {
        if (Any(name) is not { } value) return null;
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean()
            : throw ApiException.Wrong(name, "true or false", value);
    }

    /// <summary>An object.</summary>
    public JsonElement? Object(string name) => OfKind(name, JsonValueKind.Object, "an object");

    /// <summary>A list.</summary>
    public JsonElement? List(string name) => OfKind(name, JsonValueKind.Array, "a list");

    /// <summary>A text, or a list of texts.</summary>
    public IReadOnlyList<string>? Texts(string name)
    {
        if (Any(name) is not { } value) return null;
        if (value.ValueKind == JsonValueKind.String) return [TextOf(name, value)];
        return value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select(item => TextOf(name, item, "a text or a list of texts"))]
            : throw ApiException.Wrong(name, "a text or a list of texts", value);
    }

    /// <summary>A field that has no effect here and only has to be what the API says.</summary>
    public void Ignore(string name, JsonValueKind kind, string must)
    {
        if (Any(name) is { } value && value.ValueKind != kind) throw ApiException.Wrong(name, must, value);
    }

    /// <summary>Throws where the body has a field that was not read.</summary>
    /// <exception cref="ApiException">It has: none is passed over in silence.</exception>
    public void RefuseOthers()
    {
        foreach (var field in body.EnumerateObject())
        {
            if (!_known.Contains(field.Name))
                throw ApiException.Refused($"\"{ApiException.Clip(field.Name)}\" is not a field that this server knows.",
                    ApiException.Clip(field.Name), "unknown_field");
        }
    }

    /// <summary>The text of <paramref name="value"/>.</summary>
    public static string TextOf(string name, JsonElement value, string must = "a text")
    {
        try
        {
            if (value.ValueKind == JsonValueKind.String) return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw ApiException.Wrong(name, must, "half a surrogate pair");
        }
        throw ApiException.Wrong(name, must, value);
    }

    private JsonElement? OfKind(string name, JsonValueKind kind, string must)
    {
        if (Any(name) is not { } value) return null;
        return value.ValueKind == kind ? value : throw ApiException.Wrong(name, must, value);
    }
}
