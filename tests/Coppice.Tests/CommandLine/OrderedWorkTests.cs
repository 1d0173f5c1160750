using Coppice.Cli;
using Xunit;

namespace Coppice.Tests.CommandLine;

/// <summary>Several pieces of work at once, delivered in order.</summary>
public sealed class OrderedWorkTests
{
    private static readonly TimeSpan Enough = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(0, 3)]
    [InlineData(1, 3)]
    [InlineData(50, 1)]
    [InlineData(50, 4)]
    public async Task Results_come_in_order_and_no_more_run_than_asked_for(int count, int parallel)
    {
        var (running, most) = (0, 0);
        var delivered = new List<int>();
        await OrderedWork.RunAsync(count, parallel, async (piece, cancellation) =>
        {
            InterlockedMax(ref most, Interlocked.Increment(ref running));
            await Task.Delay(piece * 7 % 5, cancellation);
            Interlocked.Decrement(ref running);
            return piece * piece;
        }, (piece, result) =>
        {
            Assert.Equal(piece * piece, result);
            delivered.Add(piece);
        }, TestContext.Current.CancellationToken);
        Assert.Equal(Enumerable.Range(0, count), delivered);
        Assert.InRange(most, 0, parallel);
    }

    [Fact]
    public async Task As_many_as_asked_for_really_run_together()
    {
        using var met = new CountdownEvent(3);
        await OrderedWork.RunAsync(3, 3, (piece, _) =>
        {
            met.Signal();
            Assert.True(met.Wait(Enough, CancellationToken.None));
            return Task.FromResult(piece);
        }, (_, _) => { }, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task What_waits_for_a_slow_piece_is_bounded()
    {
        var begun = 0;
        var slow = new TaskCompletionSource();
        var run = OrderedWork.RunAsync(1000, 2, async (piece, _) =>
        {
            Interlocked.Increment(ref begun);
            if (piece == 0) await slow.Task;
            return piece;
        }, (_, _) => { }, TestContext.Current.CancellationToken);
        // Piece 0 holds one of two slots: the others go through the second until eight results are held.
        var limit = DateTime.UtcNow + Enough;
        while (Volatile.Read(ref begun) < 8 && DateTime.UtcNow < limit) await Task.Delay(1, TestContext.Current.CancellationToken);
        await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.Equal(8, Volatile.Read(ref begun));
        slow.SetResult();
        await run.WaitAsync(Enough, TestContext.Current.CancellationToken);
        Assert.Equal(1000, begun);
    }

    [Fact]
    public async Task A_failure_comes_after_what_stands_before_it_and_ends_the_rest()
    {
        var delivered = new List<int>();
        var (ended, begun) = (0, 0);
        var error = await Assert.ThrowsAsync<InvalidDataException>(() => OrderedWork.RunAsync(100, 4, async (piece, cancellation) =>
        {
            Interlocked.Increment(ref begun);
            try
            {
                if (piece == 2) throw new InvalidDataException("two");
                await Task.Delay(piece < 2 ? 100 : 100_000, cancellation);
                return piece;
            }
            finally { Interlocked.Increment(ref ended); }
        }, (piece, _) => delivered.Add(piece), TestContext.Current.CancellationToken).WaitAsync(Enough,
            TestContext.Current.CancellationToken));
        Assert.Equal("two", error.Message);
        Assert.Equal([0, 1], delivered);
        Assert.Equal(begun, ended);
        Assert.InRange(begun, 3, 18);
    }

    [Fact]
    public async Task Cancellation_delivers_what_the_work_still_gives_and_begins_nothing_more()
    {
        using var source = new CancellationTokenSource();
        var delivered = new List<(int Piece, bool Whole)>();
        await OrderedWork.RunAsync(100, 3, async (piece, cancellation) =>
        {
            if (piece < 2) return true;
            if (piece == 2) await source.CancelAsync();
            try { await Task.Delay(Enough, cancellation); }
            catch (OperationCanceledException) { }
            return false;
        }, (piece, whole) => delivered.Add((piece, whole)), source.Token).WaitAsync(Enough, TestContext.Current.CancellationToken);
        Assert.Equal([(0, true), (1, true), (2, false)], delivered.Take(3));
        Assert.InRange(delivered.Count, 3, 5);
        Assert.Equal(Enumerable.Range(0, delivered.Count), delivered.Select(item => item.Piece));
    }

    private static void InterlockedMax(ref int target, int value)
    {
        for (var seen = Volatile.Read(ref target); seen < value;)
        {
            var before = Interlocked.CompareExchange(ref target, value, seen);
            if (before == seen) return;
            seen = before;
        }
    }
}
