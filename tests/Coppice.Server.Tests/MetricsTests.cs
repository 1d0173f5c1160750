using Coppice.Server.Metrics;
using Xunit;

namespace Coppice.Server.Tests;

/// <summary>Numbers for Prometheus that depend on time.</summary>
public sealed class MetricsTests
{
    [Fact]
    public void The_rate_is_that_of_the_last_ten_whole_seconds()
    {
        var clock = new Clock();
        var rate = new TokenRate(clock);
        Assert.Equal(0, rate.PerSecond);
        for (var second = 0; second < 30; second++)
        {
            for (var i = 0; i < 7; i++) rate.Add();
            clock.Seconds++;
        }
        Assert.Equal(7, rate.PerSecond);
        clock.Seconds += 4;
        Assert.Equal(7 * 0.6, rate.PerSecond, 12);
        clock.Seconds += 6;
        Assert.Equal(0, rate.PerSecond);
        clock.Seconds += 1_000_000;
        for (var i = 0; i < 5; i++) rate.Add();
        Assert.Equal(0, rate.PerSecond);        // the second is not over
        clock.Seconds++;
        Assert.Equal(0.5, rate.PerSecond, 12);
    }

    private sealed class Clock : TimeProvider
    {
        public long Seconds { get; set; } = 100;
        public override long TimestampFrequency => 1;
        public override long GetTimestamp() => Seconds;
    }
}
