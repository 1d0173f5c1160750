using System.Globalization;
using Coppice.Text;
using Spectre.Console;

namespace Coppice.Cli;

/// <summary>Results as tables, for a person at a terminal.</summary>
internal static class Tables
{
    /// <summary>Each token with its id.</summary>
    public static void Tokens(IReadOnlyList<int> ids, Tokenizer tokenizer)
    {
        var table = New("id", "token", "text");
        foreach (var id in ids)
        {
            var text = JsonEncoded(tokenizer.Decode([id], skipSpecialTokens: false));
            table.AddRow(Text(id.ToString(CultureInfo.InvariantCulture)), Text(tokenizer.TokenText(id) ?? "?"), Text(text));
        }
        AnsiConsole.Write(table);
        AnsiConsole.WriteLine($"{ids.Count} tokens");
    }

    /// <summary>The kernels, with resources where they were assembled.</summary>
    public static void Kernels(IReadOnlyList<KernelRow> rows, bool assembled)
    {
        var table = assembled
            ? New("kernel", "architecture", "registers", "spills", "stack", "shared", "warps")
            : New("kernel", "threads", "PTX");
        foreach (var row in rows)
        {
            if (assembled)
                table.AddRow(Text(row.Name), Text(row.Architecture), Text(row.Registers), Text(row.Spills), Text(row.StackBytes),
                    Text(row.SharedBytes), Text(row.Warps));
            else table.AddRow(Text(row.Name), Text(row.GroupSize), Text(row.Ptx));
        }
        AnsiConsole.Write(table);
    }

    /// <summary>The rows of a benchmark.</summary>
    public static void Speeds(IReadOnlyList<BenchRow> rows)
    {
        var columns = BenchColumns.Of(rows);
        var table = New([.. columns.Select(column => column.Title)]);
        foreach (var row in rows) table.AddRow([.. columns.Select(column => Text(column.Cell(row)))]);
        AnsiConsole.Write(table);
    }

    /// <summary>The ops of a profile.</summary>
    public static void Profile(IReadOnlyList<ProfileRow> rows)
    {
        var table = New([.. ProfileColumns.Titles]);
        foreach (var row in rows) table.AddRow([.. ProfileColumns.Of(row).Select(Text)]);
        AnsiConsole.Write(table);
    }

    /// <summary>The checks of a self-test.</summary>
    public static void SelfTest(IReadOnlyList<SelfTestRow> rows)
    {
        var table = New([.. SelfTestColumns.Titles]);
        foreach (var row in rows) table.AddRow([.. SelfTestColumns.Of(row).Select(Text)]);
        AnsiConsole.Write(table);
    }

    /// <summary>A table of two columns: what and how much.</summary>
    public static void Facts(IEnumerable<(string Name, string Value)> facts)
    {
        var table = New("", "");
        table.HideHeaders();
        foreach (var (name, value) in facts) table.AddRow(Text(name), Text(value));
        AnsiConsole.Write(table);
    }

    private static Table New(params string[] columns)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in columns) table.AddColumn(Markup.Escape(column));
        return table;
    }

    private static Spectre.Console.Text Text(object? value) => new(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "");

    /// <summary>A text in quotation marks, with control characters escaped.</summary>
    private static string JsonEncoded(string text) =>
        System.Text.Json.JsonEncodedText.Encode(text, System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping).ToString();
}
