using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;

namespace Coppice.Text.Templates;

/// <summary>JSON as the values that Python's json.loads makes of it.</summary>
internal static class JsonInput
{
    /// <summary>The value; numbers with a point or an exponent are floats, all others ints.</summary>
    public static object? ToValue(JsonElement json, Renderer renderer)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.True: return true;
            case JsonValueKind.False: return false;
            case JsonValueKind.String: return Text(json);
            case JsonValueKind.Number: return Number(json.GetRawText());
            case JsonValueKind.Array or JsonValueKind.Object:
                renderer.Budget.Enter();
                var value = json.ValueKind == JsonValueKind.Array ? ToList(json, renderer) : (object)ToDict(json, renderer);
                renderer.Budget.Leave();
                return value;
            default: return null;
        }
    }

    private static ListValue ToList(JsonElement json, Renderer renderer) =>
        new([.. json.EnumerateArray().Select(item => ToValue(item, renderer))]);

    private static DictValue ToDict(JsonElement json, Renderer renderer)
    {
        var dict = new DictValue(renderer.Comparer);
        foreach (var property in json.EnumerateObject()) dict.Set(Name(property), ToValue(property.Value, renderer));
        return dict;
    }

    /// <summary>The name of a property; one that is no valid text is refused.</summary>
    public static string Name(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            throw TemplateException.Other("a JSON key must be valid text, found an unpaired surrogate");
        }
    }

    private static object Number(string text)
    {
        if (text.AsSpan().ContainsAny(".eE")) return double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        return text.Length <= 4300 ? BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)
            : throw TemplateException.Other($"a JSON integer must have at most 4300 digits, found {text.Length}");
    }

    /// <summary>The text of a JSON string, or null for another kind; an unpaired surrogate stays as it is.</summary>
    public static string? Text(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.String) return null;
        try
        {
            return json.GetString();
        }
        catch (InvalidOperationException)
        {
            return Unescape(json.GetRawText().AsSpan()[1..^1]);
        }
    }

    private static string Unescape(ReadOnlySpan<char> raw)
    {
        var text = new StringBuilder(raw.Length);
        for (var i = 0; i < raw.Length; i++)
        {
            if (raw[i] != '\\')
            {
                text.Append(raw[i]);
                continue;
            }
            var c = raw[++i];
            if (c == 'u')
            {
                text.Append((char)ushort.Parse(raw.Slice(i + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
                i += 4;
                continue;
            }
            var plain = "nrtbf".IndexOf(c);
            text.Append(plain >= 0 ? "\n\r\t\b\f"[plain] : c);
        }
        return text.ToString();
    }
}
