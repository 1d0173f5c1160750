using System.Globalization;

namespace Coppice.Unicode;

/// <summary>Simple case mappings, one code point to one, and upper cases of several characters.</summary>
internal sealed class CaseTable : Table
{
    /// <summary>The data file.</summary>
    public const string Source = "casing.txt";

    public override string Path => "src/Coppice.Text/Unicode/CaseData.cs";

    protected override string DataName => Source;

    protected override string Body => $$"""
        namespace Coppice.Text.Unicode;

        /// <summary>Case mappings of Unicode 16, the same on every host.</summary>
        internal static class CaseData
        {
            /// <summary>Runs of code points that have an upper case: first, last, step, distance to the upper case.</summary>
        {{Mappings("Upper", "upper")}}
            /// <summary>Runs of code points that have a lower case: first, last, step, distance to the lower case.</summary>
        {{Mappings("Lower", "lower")}}
            /// <summary>Characters whose upper case is longer than one character, each followed by it.</summary>
        {{Array("public static readonly string[] LongUpper =", Lines("long").Select(Long)).TrimEnd()}}
        }

        """;

    private static string Mappings(string name, string kind) =>
        Array($"public static readonly int[] {name} =", Lines(kind).Select(Mapping));

    private static IEnumerable<string[]> Lines(string kind) => DataFile.Lines(Source).Where(line => line[0] == kind);

    private static string Mapping(string[] line)
    {
        var (first, last) = DataFile.Run(line[1]);
        var distance = int.Parse(line[3], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        return $"0x{first:X}, 0x{last:X}, {line[2]}, {distance}";
    }

    private static string Long(string[] line) => $"\"{string.Concat(line[1..].Select(letter => $"\\u{letter}"))}\"";
}
