using System.Text;

namespace Coppice.Unicode;

/// <summary>One file with a table, and the data file that it is written from.</summary>
internal abstract class Table
{
    private const int Width = 132;

    /// <summary>All that is written.</summary>
    public static IReadOnlyList<Table> All { get; } =
        [new CaseTable(), new NormalizationTable(), new OlderCategoryTable(), new AlphabeticTable(), new ScriptTable()];

    /// <summary>The written file, from the root of the repository.</summary>
    public abstract string Path { get; }

    /// <summary>The whole file.</summary>
    public string Text => $"// Written by eng/Coppice.Unicode from Data/{DataName}.\n{Body}";

    /// <summary>The data file's name.</summary>
    protected abstract string DataName { get; }

    /// <summary>The file after its first line.</summary>
    protected abstract string Body { get; }

    /// <summary>An array of code points and numbers in lines of one indentation.</summary>
    protected static string Array(string declaration, IEnumerable<string> numbers)
    {
        var text = new StringBuilder($"    {declaration}\n    [\n");
        var line = "       ";
        foreach (var number in numbers)
        {
            if (line.Length + number.Length + 2 > Width)
            {
                text.Append(line).Append('\n');
                line = "       ";
            }
            line += $" {number},";
        }
        return text.Append(line).Append("\n    ];\n").ToString();
    }

    /// <summary>An array of code points.</summary>
    protected static string Array(string declaration, IEnumerable<int> codePoints) =>
        Array(declaration, codePoints.Select(letter => $"0x{letter:X}"));
}
