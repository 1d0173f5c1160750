using System.Collections.Concurrent;

namespace Coppice.Server.Metrics;

/// <summary>Requests by path and status. Thread-safe.</summary>
internal sealed class RequestMetrics
{
    private readonly ConcurrentDictionary<(string Path, int Status), long> _counts = new();
    private int _open;

    /// <summary>Requests that are being answered.</summary>
    public int Open => Volatile.Read(ref _open);

    /// <summary>How many there were, in order.</summary>
    public IEnumerable<KeyValuePair<(string Path, int Status), long>> Counts => _counts.OrderBy(count => count.Key);

    /// <summary>A request has come.</summary>
    public void Begin() => Interlocked.Increment(ref _open);

    /// <summary>It was answered.</summary>
    /// <param name="path">One of the server's own: a client must not make labels.</param>
    /// <param name="status">Of the answer; 499 where the client has gone before it.</param>
    public void End(string path, int status)
    {
        Interlocked.Decrement(ref _open);
        _counts.AddOrUpdate((path, status), 1, (_, count) => count + 1);
    }
}
