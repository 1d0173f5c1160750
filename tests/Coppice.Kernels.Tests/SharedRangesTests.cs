using Coppice.Kernels.Simd;
using Xunit;

namespace Coppice.Kernels.Tests;

/// <summary>Every unit is taken once, whoever takes it, and a thread's own come first and in order.</summary>
public sealed class SharedRangesTests
{
    [Theory]
    [InlineData(1, 10, 3)]
    [InlineData(2, 1, 4)]
    [InlineData(3, 36, 4)]
    [InlineData(4, 0, 4)]
    [InlineData(5, 3, 8)]
    public void One_thread_takes_all(int threads, int count, int most)
    {
        var ranges = new SharedRanges(threads);
        ranges.Set(count);
        var taken = new List<int>();
        while (ranges.TryTake(threads - 1, most, out var first, out var end))
        {
            Assert.InRange(end - first, 1, most);
            taken.AddRange(Enumerable.Range(first, end - first));
        }
        var own = (int)((long)count * (threads - 1) / threads);
        Assert.Equal(Enumerable.Range(own, count - own), taken.Take(count - own));
        Assert.Equal(Enumerable.Range(0, count), taken.Order());
    }

    [Fact]
    public async Task Threads_that_race_take_each_unit_once()
    {
        const int threads = 4, count = 1000;
        var ranges = new SharedRanges(threads);
        for (var round = 0; round < 200; round++)
        {
            ranges.Set(count);
            var taken = new int[count];
            await Task.WhenAll(Enumerable.Range(0, threads).Select(own => Task.Run(() =>
            {
                while (ranges.TryTake(own, 1 + (own + round) % 5, out var first, out var end))
                    for (var i = first; i < end; i++) Interlocked.Increment(ref taken[i]);
            }, TestContext.Current.CancellationToken)));
            Assert.All(taken, times => Assert.Equal(1, times));
        }
    }
}
