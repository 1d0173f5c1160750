using System.Text.Json;
using Coppice.Constraints;

namespace Coppice.Cli;

/// <summary>The options that say which texts are allowed; in JSON lines they are keys of the same names.</summary>
internal static class ConstraintArguments
{
    private static readonly Setting<string?> Schema = Setting.Text(
        "schema", "FILE", "Generate an instance of the JSON Schema in FILE; - for stdin. In JSON lines also the schema itself");
    private static readonly Setting<string?> Grammar = Setting.Text(
        "grammar", "FILE", "Generate a text of the grammar in FILE: GBNF, or EBNF (.ebnf) or Lark's notation (.lark); - for stdin");
    private static readonly Setting<string?> Regex = Setting.Text(
        "regex", "PATTERN", "Generate a text that PATTERN, of ECMA-262, matches as a whole");
    private static readonly Setting<string[]> Choices = Setting.List(
        "choices", "A,B,C", "Generate one of these texts");

    private static readonly Setting<int> Asap = Setting.Whole(
        "asap", 0, n => n >= 0, "a whole number of at least 0",
        "Draw N samples that learn from each other (ASAp) and give the last: it is drawn as the model would draw among the allowed texts");
    private static readonly Setting<string?> AsapFile = Setting.Text(
        "asap-file", "FILE", "Go on with what the samples in FILE have shown, where it is there, and save what these show");

    /// <summary>All settings.</summary>
    public static IReadOnlyList<ISetting> All { get; } = [Schema, Grammar, Regex, Choices, Asap, AsapFile];

    /// <summary><paramref name="options"/> with what <paramref name="source"/> allows.</summary>
    /// <exception cref="CommandException">A file cannot be read, or a value is not what it must be.</exception>
    public static GenerationOptions Read(SettingSource source, GenerationOptions options)
    {
        var grammar = Grammar.Read(source);
        return options with
        {
            Schema = ReadSchema(source),
            Grammar = grammar is null ? null : TextFile.Read(grammar),
            GrammarNotation = NotationOf(grammar),
            Regex = Regex.Read(source),
            Choices = Choices.Read(source),
        };
    }

    /// <summary>How many samples learn from each other, and where what they show is kept.</summary>
    /// <exception cref="CommandException">A file is asked for without samples.</exception>
    public static AsapSamples? ReadAsap(SettingSource source)
    {
        var (count, file) = (Asap.Read(source), AsapFile.Read(source));
        if (count == 0 && file is not null) throw source.Context.Usage("--asap-file needs --asap N with N of at least 1");
        return count == 0 ? null : new AsapSamples(count, file);
    }

    private static string? ReadSchema(SettingSource source)
    {
        if (source.Line is { } line && line.Json.TryGetProperty(Schema.Key, out var json)
            && json.ValueKind is JsonValueKind.Object or JsonValueKind.True or JsonValueKind.False)
            return json.GetRawText();
        return Schema.Read(source) is { } path ? TextFile.Read(path) : null;
    }

    private static GrammarNotation NotationOf(string? path) => Path.GetExtension(path)?.ToUpperInvariant() switch
    {
        ".EBNF" => GrammarNotation.Ebnf,
        ".LARK" => GrammarNotation.Lark,
        _ => GrammarNotation.Gbnf,
    };
}
