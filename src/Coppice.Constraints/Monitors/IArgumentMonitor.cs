namespace Coppice.Constraints;

/// <summary>
/// Static analysis beside decoding: where a text begins the arguments of a call, it says how many there must be, so that the bracket is not
/// closed too early or too late (monitor-guided decoding, arXiv 2306.10763).
/// </summary>
public interface IArgumentMonitor
{
    /// <summary>Whether the text up to here begins arguments: it ends in their opening parenthesis.</summary>
    bool ShouldTrigger(MonitoredText text);

    /// <summary>How many arguments the call must have; null where any number may do, for example because there are overloads.</summary>
    ValueTask<int?> CountAsync(MonitoredText text, CancellationToken cancellationToken);
}
