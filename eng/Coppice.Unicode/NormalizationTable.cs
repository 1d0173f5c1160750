using System.Text;

namespace Coppice.Unicode;

/// <summary>
/// Combining classes, decompositions and compositions. Numbers have 7 bits a byte, low bits first; the bytes are written in base 64.
/// Three lists follow each other, each with its length before it.
/// Classes: distance from the end of the last run, length, class. Canonical steps: distance from the last code point times 4, plus 2 for
/// two parts, plus 1 if excluded from composition; then each part as a difference from the one before. Full compatibility
/// decompositions: distance, count, parts as differences from the last part of the entry before. Differences are folded to n * 2 or
/// -n * 2 - 1.
/// </summary>
internal sealed class NormalizationTable : Table
{
    private const int LineLength = 120;

    private readonly List<byte> _bytes = [];

    public override string Path => "src/Coppice.Text/Unicode/NormalizationData.Packed.cs";

    protected override string DataName => "normalization.txt";

    protected override string Body
    {
        get
        {
            var text = Packed();
            var lines = new StringBuilder();
            for (var at = 0; at < text.Length; at += LineLength)
                lines.Append($"        \"{text[at..Math.Min(at + LineLength, text.Length)]}\" +\n");
            return $$"""
                namespace Coppice.Text.Unicode;

                internal static partial class NormalizationData
                {
                    private const string Packed =
                {{lines.ToString().TrimEnd(' ', '+', '\n')}};
                }

                """;
        }
    }

    private string Packed()
    {
        _bytes.Clear();
        var lines = DataFile.Lines(DataName).ToLookup(line => line[0] is "composite" or "excluded" ? "canonical" : line[0]);
        AddClasses([.. lines["class"]]);
        AddCanonical([.. lines["canonical"]]);
        AddCompatible([.. lines["compatible"]]);
        return Convert.ToBase64String([.. _bytes]);
    }

    private void AddClasses(string[][] lines)
    {
        Add(lines.Length);
        var at = 0;
        foreach (var line in lines)
        {
            var (first, last) = DataFile.Run(line[1]);
            Add(first - at);
            Add(last + 1 - first);
            Add(int.Parse(line[2], null));
            at = last + 1;
        }
    }

    private void AddCanonical(string[][] lines)
    {
        Add(lines.Length);
        var whole = 0;
        foreach (var line in lines)
        {
            var letter = DataFile.CodePoint(line[1]);
            var parts = line[2..].Select(DataFile.CodePoint).ToArray();
            Add((letter - whole) * 4 + (parts.Length - 1) * 2 + (line[0] == "excluded" ? 1 : 0));
            whole = letter;
            AddParts(parts, letter);
        }
    }

    private void AddCompatible(string[][] lines)
    {
        Add(lines.Length);
        var (whole, last) = (0, 0);
        foreach (var line in lines)
        {
            var letter = DataFile.CodePoint(line[1]);
            var parts = line[2..].Select(DataFile.CodePoint).ToArray();
            Add(letter - whole);
            Add(parts.Length);
            whole = letter;
            AddParts(parts, last);
            last = parts[^1];
        }
    }

    private void AddParts(int[] parts, int before)
    {
        foreach (var part in parts)
        {
            var difference = part - before;
            Add(difference >= 0 ? difference * 2 : -difference * 2 - 1);
            before = part;
        }
    }

    private void Add(int number)
    {
        for (; number >= 0x80; number >>= 7) _bytes.Add((byte)(number | 0x80));
        _bytes.Add((byte)number);
    }
}
