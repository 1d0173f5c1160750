using System.Globalization;

namespace Coppice.Constraints.Grammars;

/// <summary>What readers of all notations share: the text, and where they are in it.</summary>
internal abstract class GrammarReader(string text, string notation)
{
    private const int DeepestGroup = 200;

    private int _depth;

    protected string Text { get; } = text;

    protected int At { get; set; }

    protected bool IsAtEnd => At >= Text.Length;

    protected char Here => IsAtEnd ? '\0' : Text[At];

    /// <summary>The rules found so far.</summary>
    public Dictionary<string, GrammarExpression> Rules { get; } = new(StringComparer.Ordinal);

    protected bool Take(string expected)
    {
        if (!Text.AsSpan(At).StartsWith(expected, StringComparison.Ordinal)) return false;
        At += expected.Length;
        return true;
    }

    protected void Expect(string expected)
    {
        if (!Take(expected)) throw Wrong($"\"{expected}\"");
    }

    protected T Nested<T>(Func<T> read)
    {
        if (++_depth > DeepestGroup) throw Wrong($"at most {DeepestGroup} nested groups");
        var result = read();
        _depth--;
        return result;
    }

    protected string Name()
    {
        var start = At;
        while (!IsAtEnd && (char.IsAsciiLetterOrDigit(Here) || Here is '_' or '-' || (start == At && Here is '?' or '!'))) At++;
        return At > start ? Text[start..At] : throw Wrong("a rule's name");
    }

    protected void Add(string name, GrammarExpression expression)
    {
        if (!Rules.TryAdd(name, expression))
            throw new ConstraintException($"{notation}: each rule must be there once, found \"{name}\" twice.");
    }

    /// <summary>Counts up to and with the closing brace: m, m,n or m, or ,n.</summary>
    protected (int Least, int Most) Counts(char close)
    {
        var end = Text.IndexOf(close, At);
        if (end < 0) throw Wrong($"\"{close}\"");
        var parts = Text[At..end].Split(',');
        At = end + 1;
        var least = parts[0].Trim().Length == 0 && parts.Length == 2 ? 0 : Number(parts[0]);
        var most = parts.Length == 1 ? least : parts[1].Trim().Length == 0 ? int.MaxValue : Number(parts[1]);
        return parts.Length <= 2 && least <= most ? (least, most) : throw Wrong("counts in order");
    }

    protected int Number(string digits) =>
        int.TryParse(digits.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value <= 100_000
            ? value : throw Wrong("a count of at most 100,000");

    protected static GrammarExpression Join(List<GrammarExpression> parts) =>
        parts.Count == 1 ? parts[0] : new GrammarExpression.Sequence(parts);

    protected static GrammarExpression Choose(List<GrammarExpression> branches) =>
        branches.Count == 1 ? branches[0] : new GrammarExpression.Either(branches);

    protected ConstraintException Wrong(string must)
    {
        var line = Text.AsSpan(0, Math.Min(At, Text.Length)).Count('\n') + 1;
        var rest = Text[Math.Min(At, Text.Length)..];
        return new ConstraintException(
            $"{notation}, line {line}: must be {must}, found \"{(rest.Length > 30 ? rest[..30] : rest).ReplaceLineEndings(" ")}\".");
    }
}
