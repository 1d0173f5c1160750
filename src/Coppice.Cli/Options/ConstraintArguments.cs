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

    /// <summary>All settings.</summary>
    public static IReadOnlyList<ISetting> All { get; } = [Schema, Grammar, Regex, Choices];

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
