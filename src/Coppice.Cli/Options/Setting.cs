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
    public Option Option => option;
    public string Key { get; } = name.Replace('-', '_');

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

    private static string[]? Texts(JsonElement json)
    {
        try
        {
            return json.ValueKind switch
            {
                JsonValueKind.String when typeof(T) == typeof(string) || typeof(T) == typeof(string[]) => [json.GetString()!],
                JsonValueKind.Array when typeof(T) == typeof(string[]) => [.. json.EnumerateArray().Select(item => item.GetString() ?? "")],
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
        New(name, "N", description, must, (IReadOnlyList<string> texts, out int value) => TryWhole(texts, out value) && holds(value), _ => whenMissing);

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
            return texts.Count == 1 && float.TryParse(texts[0], NumberStyles.Float, CultureInfo.InvariantCulture, out value) && float.IsFinite(value) && holds(value);
        }, _ => whenMissing);

    public static Setting<ulong> Seed(string name, string description) =>
        New<ulong>(name, "N", description, "a whole number from 0 to 18446744073709551615", (IReadOnlyList<string> texts, out ulong value) =>
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

    public static Setting<bool> Flag(string name, string description)
    {
        var option = new Option<bool>("--" + name) { Description = description };
        return new Setting<bool>(name, option, "true or false", (IReadOnlyList<string> texts, out bool value) => bool.TryParse(texts[0], out value));
    }

    /// <summary>A name, behind which settings may stand: NAME:key=value,key=value.</summary>
    public static Setting<string> Named(string name, IReadOnlyList<string> names, string whenMissing, string description)
    {
        var setting = New(name, "NAME", description, $"one of {string.Join(", ", names)}", (IReadOnlyList<string> texts, out string value) =>
        {
            value = texts is [var text] ? text : "";
            return names.Contains(value.Split(':')[0]);
        }, _ => whenMissing);
        setting.Option.CompletionSources.Add([.. names]);
        return setting;
    }

    private static bool TryWhole(IReadOnlyList<string> texts, out int value)
    {
        value = 0;
        return texts.Count == 1 && int.TryParse(texts[0], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);
    }

    private static Setting<T> New<T>(string name, string placeholder, string description, string must, Setting<T>.TryParse parse, Func<ArgumentResult, T>? whenMissing = null)
    {
        var option = new Option<T>("--" + name) { Description = description, HelpName = placeholder };
        var setting = new Setting<T>(name, option, must, parse);
        option.CustomParser = setting.Parse;
        if (whenMissing is not null) option.DefaultValueFactory = whenMissing;
        return setting;
    }
}
