namespace Coppice.Constraints;

/// <summary>A monitor that asks a function for names where the text ends in a trigger.</summary>
public sealed class NameMonitor : IMonitor
{
    private readonly Func<MonitoredText, bool> _shouldTrigger;
    private readonly Func<MonitoredText, CancellationToken, ValueTask<IReadOnlyList<string>>> _analyze;
    private readonly Func<int, bool> _isBreak;

    /// <summary>A monitor of three functions; see <see cref="IMonitor"/> for what each says.</summary>
    public NameMonitor(
        Func<MonitoredText, bool> shouldTrigger,
        Func<MonitoredText, CancellationToken, ValueTask<IReadOnlyList<string>>> analyze,
        Func<int, bool> isBreak)
    {
        ArgumentNullException.ThrowIfNull(shouldTrigger);
        ArgumentNullException.ThrowIfNull(analyze);
        ArgumentNullException.ThrowIfNull(isBreak);
        (_shouldTrigger, _analyze, _isBreak) = (shouldTrigger, analyze, isBreak);
    }

    /// <summary>After a dot that follows a name or a closing bracket: the members of what is before it.</summary>
    /// <param name="analyze">Names the members; an empty list where it does not know.</param>
    public static NameMonitor Dereference(Func<MonitoredText, CancellationToken, ValueTask<IReadOnlyList<string>>> analyze) =>
        new(text => text.Tail(2) is [var before, '.'] && (IsNamePart(before) || before is ')' or ']' or '}' or '"' or '>'), analyze,
            IsNoNamePart);

    /// <summary>
    /// After "case ": the constants of the enum that is switched over, with the enum's name before a dot where that is needed.
    /// </summary>
    /// <param name="analyze">Names the constants; an empty list where it does not know.</param>
    public static NameMonitor EnumConstants(Func<MonitoredText, CancellationToken, ValueTask<IReadOnlyList<string>>> analyze) =>
        new(text => EndsInWord(text, "case "), analyze, codePoint => codePoint != '.' && IsNoNamePart(codePoint));

    /// <summary>After "new ": the classes that can be made.</summary>
    /// <param name="analyze">Names the classes; an empty list where it does not know.</param>
    public static NameMonitor ClassNames(Func<MonitoredText, CancellationToken, ValueTask<IReadOnlyList<string>>> analyze) =>
        new(text => EndsInWord(text, "new "), analyze, IsNoNamePart);

    /// <inheritdoc/>
    public bool ShouldTrigger(MonitoredText text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return _shouldTrigger(text);
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<string>> AnalyzeAsync(MonitoredText text, CancellationToken cancellationToken) =>
        _analyze(text, cancellationToken);

    /// <inheritdoc/>
    public bool IsBreak(int codePoint) => _isBreak(codePoint);

    private static bool EndsInWord(MonitoredText text, string word)
    {
        var tail = text.Tail(word.Length + 1);
        return tail.EndsWith(word, StringComparison.Ordinal) && (tail.Length == word.Length || !IsNamePart(tail[0]));
    }

    private static bool IsNamePart(char value) => char.IsLetterOrDigit(value) || value == '_';

    private static bool IsNoNamePart(int codePoint) =>
        codePoint != '_' && !System.Text.Rune.IsLetterOrDigit(new System.Text.Rune(codePoint));
}
