using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Coppice.Kernels.Tiles;

/// <summary>
/// Code with holes, as an interpolated string: all lines of what fills a hole are indented as the hole's line is, and a line that holds
/// nothing but an empty hole is left out. Lines end in a line feed on every system.
/// </summary>
[InterpolatedStringHandler]
internal readonly struct CodeText(int literalLength, int formattedCount)
{
    private readonly StringBuilder _text = new(literalLength + 80 * formattedCount);

    public void AppendLiteral(string code) => _text.Append(code.ReplaceLineEndings("\n"));

    public void AppendFormatted(int number) => _text.Append(CultureInfo.InvariantCulture, $"{number}");

    public void AppendFormatted(string code)
    {
        var before = _text.ToString();
        var lineStart = before.LastIndexOf('\n') + 1;
        var indent = before[lineStart..^before.AsSpan(lineStart).TrimStart().Length];
        var lines = code.ReplaceLineEndings("\n").Split('\n');
        if (code.Length > 0) _text.AppendJoin('\n', lines.Select((line, i) => i == 0 || line.Length == 0 ? line : indent + line));
        else if (lineStart + indent.Length == before.Length) _text.Length = Math.Max(0, lineStart - 1);
    }

    public override string ToString() => _text.ToString();
}
