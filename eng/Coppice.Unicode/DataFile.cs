using System.Globalization;

namespace Coppice.Unicode;

/// <summary>Reads the files of the folder Data, which are built in. Lines that begin with # are comments.</summary>
internal static class DataFile
{
    /// <summary>The lines of a file, cut at blanks.</summary>
    public static IEnumerable<string[]> Lines(string name)
    {
        using var stream = typeof(DataFile).Assembly.GetManifestResourceStream(name)
            ?? throw new FileNotFoundException($"Data/{name} must be built in.");
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
            if (line.Length > 0 && line[0] != '#') yield return line.Split(' ');
    }

    /// <summary>The sections of a file: names in brackets, then a run of code points on each line.</summary>
    public static List<(string[] Names, List<int> Runs)> Sections(string name)
    {
        var sections = new List<(string[], List<int>)>();
        foreach (var line in Lines(name))
        {
            if (line[0][0] == '[')
            {
                sections.Add((string.Join(' ', line).Trim('[', ']').Split(' '), []));
                continue;
            }
            var (first, last) = Run(line[0]);
            sections[^1].Item2.AddRange([first, last]);
        }
        return sections;
    }

    /// <summary>The first and last code point of "0041..005A".</summary>
    public static (int First, int Last) Run(string text)
    {
        var ends = text.Split("..");
        return (CodePoint(ends[0]), CodePoint(ends[1]));
    }

    /// <summary>The code point of "00E9".</summary>
    public static int CodePoint(string text) => int.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
