using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;

namespace Coppice.Cli;

/// <summary>A setting of a generation, whatever its type.</summary>
internal interface ISetting
{
    /// <summary>"top-k".</summary>
    string Name { get; }
    /// <summary>The option --top-k.</summary>
    Option Option { get; }
    /// <summary>The key "top_k" of JSON lines.</summary>
    string Key { get; }
}

/// <summary>A setting that is an option of the command line and a key of JSON lines, with one rule for both.</summary>
/// <param name="name">"top-k".</param>
/// <param name="option">The option of that name.</param>
/// <param name="must">What a value must be, for messages.</param>
/// <param name="parse">The value of a text, or false.</param>
internal sealed class Setting<T>(string name, Option<T> option, string must, Setting<T>.TryParse parse) : ISetting
{
    /// <summary>The value that JSON elements or arguments stand for.</summary>
    public delegate bool TryParse(IReadOnlyList<string> texts, out T value);

    public string Name => name;
    public Option<T> Option => option;
    Option ISetting.Option => option;
    public string Key { get; } = name.Replace('-', '_');

    /// <summary>Whether the line or the command line says something about it.</summary>
    public bool IsGiven(SettingSource source) => source.Line?.Json.TryGetProperty(Key, out _) == true || source.Context.Has(option);

    /// <summary>The value of the line, or that of the command line.</summary>
    /// <exception cref="CommandException">The line's value is not what it must be.</exception>
    public T Read(SettingSource source)
    {
        if (source.Line is not { } line || !line.Json.TryGetProperty(Key, out var json)) return source.Context.Value(option)!;
        if (Texts(json) is { } texts && parse(texts, out var value)) return value;
        throw line.Wrong($"\"{Key}\" must be {must}, found {JsonLines.Clip(json.GetRawText())}.");
    }

    /// <summary>Parses arguments, for the option.</summary>
    public T? Parse(ArgumentResult result)
    {
        if (parse([.. result.Tokens.Select(token => token.Value)], out var value)) return value;
        result.AddError($"--{name} must be {must}, got {string.Join(' ', result.Tokens)}");
        return default;
    }

    /// <summary>"5": -1 and "5": "-inf" as arguments write them.</summary>
    private static string Pair(JsonProperty pair) =>
        $"{pair.Name}={(pair.Value.ValueKind == JsonValueKind.String ? pair.Value.GetString() : pair.Value.GetRawText())}";

    private static string[]? Texts(JsonElement json)
    {
        try
        {
            return json.ValueKind switch
            {
                JsonValueKind.String when typeof(T) == typeof(string) || typeof(T) == typeof(string[]) => [json.GetString()!],
                JsonValueKind.Array when typeof(T) == typeof(string[]) => [.. json.EnumerateArray().Select(item => item.GetString() ?? "")],
                JsonValueKind.Array when typeof(T) == typeof(int[]) => [.. json.EnumerateArray().Select(item => item.GetRawText())],
                JsonValueKind.Object when typeof(T) == typeof(IReadOnlyDictionary<int, float>) => [.. json.EnumerateObject().Select(Pair)],
                JsonValueKind.Number when typeof(T) != typeof(bool) => [json.GetRawText()],
                JsonValueKind.True or JsonValueKind.False when typeof(T) == typeof(bool) => [json.GetRawText()],
                _ => null,
            };
        }
        catch (InvalidOperationException)
        {
            return null;        // not a text, or half a surrogate pair
        }
    }
}

/// <summary>Makes settings.</summary>
internal static class Setting
{
    public static Setting<int> Whole(string name, int whenMissing, Func<int, bool> holds, string must, string description) =>
        New(
            name, "N", description, must, (IReadOnlyList<string> texts, out int value) => TryWhole(texts, out value)
                && holds(value), _ => whenMissing);

    public static Setting<int?> OptionalWhole(string name, int most, string description) =>
        New(name, "K", description, $"a whole number from 0 to {most}", (IReadOnlyList<string> texts, out int? value) =>
        {
            var whole = TryWhole(texts, out var number) && number >= 0 && number <= most;
            value = number;
            return whole;
        });

    public static Setting<float> Real(string name, float whenMissing, Func<float, bool> holds, string must, string description) =>
        New(name, "X", description, must, (IReadOnlyList<string> texts, out float value) =>
        {
            value = 0;
            return texts.Count == 1 && float.TryParse(texts[0], NumberStyles.Float, CultureInfo.InvariantCulture, out value)
                && float.IsFinite(value) && holds(value);
        }, _ => whenMissing);

    public static Setting<ulong> Seed(string name, string description) =>
        New<ulong>(name, "N", description, "a whole number from 0 to 18446744073709551615",
            (IReadOnlyList<string> texts, out ulong value) =>
        {
            value = 0;
            return texts.Count == 1 && ulong.TryParse(texts[0], NumberStyles.None, CultureInfo.InvariantCulture, out value);
        }, _ => 0);

    public static Setting<string[]> Texts(string name, string description) =>
        New(name, "TEXT", description, "a text that is not empty, or several", (IReadOnlyList<string> texts, out string[] value) =>
        {
            value = [.. texts];
            return !texts.Any(string.IsNullOrEmpty);
        }, _ => []);

    /// <summary>One text, or none.</summary>
    public static Setting<string?> Text(string name, string placeholder, string description) =>
        New(name, placeholder, description, "a text that is not empty", (IReadOnlyList<string> texts, out string? value) =>
        {
            value = texts is [{ Length: > 0 } text] ? text : null;
            return value is not null;
        }, _ => null);

    /// <summary>Texts in one argument with commas between them; in JSON a list, whose texts may have commas.</summary>
    public static Setting<string[]> List(string name, string placeholder, string description)
    {
        var setting = New(name, placeholder, description, "at least one text, or several",
            (IReadOnlyList<string> texts, out string[] value) =>
        {
            value = [.. texts];
            return value.Length > 0 && !value.Any(string.IsNullOrEmpty);
        }, _ => []);
        setting.Option.CustomParser = result =>
        {
            string[] texts = [.. result.Tokens.SelectMany(token => token.Value.Split(','))];
            if (texts.Any(string.IsNullOrEmpty))
                result.AddError($"--{name} must be texts with commas between them, got {string.Join(' ', result.Tokens)}");
            return texts;
        };
        return setting;
    }

    /// <summary>Token ids.</summary>
    public static Setting<int[]> Ids(string name, string description)
    {
        var setting = New(name, "ID", description, "a token id, or several", (IReadOnlyList<string> texts, out int[] value) =>
        {
            value = new int[texts.Count];
            for (var i = 0; i < value.Length; i++)
            {
                if (!TryId(texts[i], out value[i])) return false;
            }
            return true;
        }, _ => []);
        setting.Option.Arity = ArgumentArity.OneOrMore;
        return setting;
    }

    /// <summary>Numbers by token: ID=B as arguments, {"ID": B} in JSON.</summary>
    public static Setting<IReadOnlyDictionary<int, float>> Biases(string name, string description)
    {
        const string must = "ID=B for different tokens, where B is a number or -inf";
        var setting = New(name, "ID=B", description, must, (IReadOnlyList<string> texts, out IReadOnlyDictionary<int, float> value) =>
        {
            var biases = new Dictionary<int, float>();
            value = biases;
            return texts.All(text => TryBias(text, out var id, out var bias) && biases.TryAdd(id, bias));
        }, _ => new Dictionary<int, float>());
        setting.Option.Arity = ArgumentArity.OneOrMore;
        return setting;
    }

    public static Setting<bool> Flag(string name, string description)
    {
        var option = new Option<bool>("--" + name) { Description = description };
        return new Setting<bool>(
            name, option, "true or false", (IReadOnlyList<string> texts, out bool value) => bool.TryParse(texts[0], out value));
    }

    /// <summary>A name, after which settings may stand: NAME:key=value,key=value.</summary>
    public static Setting<string> Named(string name, IReadOnlyList<string> names, string whenMissing, string description)
    {
        var setting = New(name, "NAME", description, $"one of {string.Join(", ", names)}",
            (IReadOnlyList<string> texts, out string value) =>
        {
            value = texts is [var text] ? text : "";
            return names.Contains(value.Split(':')[0]);
        }, _ => whenMissing);
        setting.Option.CompletionSources.Add([.. names]);
        return setting;
    }

    private static bool TryId(string text, out int id) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out id);

    private static bool TryBias(string text, out int id, out float bias)
    {
        (id, bias) = (0, 0);
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals < 0 || !TryId(text[..equals], out id)) return false;
        var number = text[(equals + 1)..];
        if (number.Equals("-inf", StringComparison.OrdinalIgnoreCase)) bias = float.NegativeInfinity;
        else if (!float.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out bias)) return false;
        return float.IsFinite(bias) || float.IsNegativeInfinity(bias);
    }

    private static bool TryWhole(IReadOnlyList<string> texts, out int value)
    {
        value = 0;
        return texts.Count == 1 && int.TryParse(texts[0], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);
    }

    private static Setting<T> New<T>(string name, string placeholder, string description, string must, Setting<T>.TryParse parse,
        Func<ArgumentResult, T>? whenMissing = null)
    {
        var option = new Option<T>("--" + name) { Description = description, HelpName = placeholder };
        var setting = new Setting<T>(name, option, must, parse);
        option.CustomParser = setting.Parse;
        if (whenMissing is not null) option.DefaultValueFactory = whenMissing;
        return setting;
    }
}
