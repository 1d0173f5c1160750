namespace Coppice.Server.Metrics;

/// <summary>Tokens per second over the last ten seconds.</summary>
internal sealed class TokenRate(TimeProvider time)
{
    private const int Seconds = 10;

    private readonly long[] _counts = new long[Seconds + 1];        // a second each; the one that is not over is left out of the rate
    private readonly Lock _gate = new();
    private long _second;

    /// <summary>Counts a token.</summary>
    public void Add()
    {
        lock (_gate)
        {
            Advance();
            _counts[_second % _counts.Length]++;
        }
    }

    /// <summary>The rate now.</summary>
    public double PerSecond
    {
        get
        {
            lock (_gate)
            {
                Advance();
                return (_counts.Sum() - _counts[_second % _counts.Length]) / (double)Seconds;
            }
        }
    }

    private void Advance()
    {
        var now = (long)time.GetElapsedTime(0, time.GetTimestamp()).TotalSeconds;
        // After a long rest every second is empty, and each needs to be cleared once.
        _second = Math.Max(_second, now - _counts.Length);
        while (_second < now) _counts[++_second % _counts.Length] = 0;
    }
}
