namespace Coppice.Constraints;

/// <summary>
/// Static analysis beside decoding: where a text asks for one of some names, it says which (monitor-guided decoding, arXiv 2306.10763).
/// </summary>
public interface IMonitor
{
    /// <summary>Whether the text up to here asks for an analysis, for example because it ends in a dot.</summary>
    bool ShouldTrigger(MonitoredText text);

    /// <summary>The texts of which one must come next; an empty list where the analysis knows of none.</summary>
    ValueTask<IReadOnlyList<string>> AnalyzeAsync(MonitoredText text, CancellationToken cancellationToken);

    /// <summary>Whether a character ends a name, so that anything may follow.</summary>
    bool IsBreak(int codePoint);
}
