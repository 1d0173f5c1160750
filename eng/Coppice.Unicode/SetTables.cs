namespace Coppice.Unicode;

/// <summary>What older versions of the standard say of code points.</summary>
internal sealed class OlderCategoryTable : Table
{
    public override string Path => "src/Coppice.Text/Unicode/OlderCategories.Ranges.cs";

    protected override string DataName => "sets.txt";

    protected override string Body => $$"""
        namespace Coppice.Text.Unicode;

        // First and last code point of each run.
        internal static partial class OlderCategories
        {
        {{string.Join('\n', DataFile.Sections(DataName).Where(section => char.IsAsciiDigit(section.Names[0][^1]))
            .Select(section => Array($"private static readonly int[] {section.Names[0]} =", section.Runs))).TrimEnd()}}
        }

        """;
}

/// <summary>The property Alphabetic, as far as general categories do not tell it.</summary>
internal sealed class AlphabeticTable : Table
{
    public override string Path => "src/Coppice.Text/Patterns/AlphabeticRanges.cs";

    protected override string DataName => "sets.txt";

    protected override string Body => $$"""
        namespace Coppice.Text.Patterns;

        /// <summary>Marks without the property Alphabetic.</summary>
        internal static class AlphabeticRanges
        {
            /// <summary>First and last code point of each run; runs go over unassigned code points.</summary>
        {{Array("public static readonly int[] MarksThatAreNot =",
            DataFile.Sections(DataName).Single(section => section.Names[0] == "MarksThatAreNotAlphabetic").Runs).TrimEnd()}}
        }

        """;
}

/// <summary>The scripts.</summary>
internal sealed class ScriptTable : Table
{
    public override string Path => "src/Coppice.Text/Patterns/Scripts.Ranges.cs";

    protected override string DataName => "scripts.txt";

    protected override string Body => $$"""
        namespace Coppice.Text.Patterns;

        internal static partial class Scripts
        {
            // First and last code point of each run by the names of the script, long and short.
            private static readonly (string Long, string Short, int[] Runs)[] All =
            [
        {{string.Join('\n', DataFile.Sections(DataName).Select(Script))}}
            ];
        }

        """;

    private static string Script((string[] Names, List<int> Runs) script)
    {
        var lines = script.Runs.Select(letter => $"0x{letter:X}").Chunk(12).Select(line => string.Join(", ", line));
        return $"        (\"{script.Names[0]}\", \"{script.Names[1]}\", [{string.Join(",\n            ", lines)}]),";
    }
}
