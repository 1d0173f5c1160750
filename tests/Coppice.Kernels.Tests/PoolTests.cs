using Coppice.Kernels.Memory;
using Coppice.Kernels.Tests.Reference;
using Coppice.Kernels.Tests.Support;
using CsCheck;
using Xunit;

namespace Coppice.Kernels.Tests;

/// <summary>Pools of every device: counts, alignment, limits, fragmentation, threads.</summary>
public sealed class PoolTests
{
    public static TheoryData<string> Present => [.. Devices.All.Where(d => d.Missing is null).Select(d => d.Name)];

    private static Backend Of(string device) => Devices.All.Single(d => d.Name == device).Backends[0];

    [Theory, MemberData(nameof(Present))]
    public void Counts_follow_rents_and_returns(string device)
    {
        using var pool = Of(device).CreatePool("test", 10_000);
        var first = pool.Rent(100);
        var second = pool.Rent(new Shape(3, 70));
        Assert.Equal(pool.RoundUp(100) + pool.RoundUp(840), pool.Statistics.BytesInUse);
        first.Dispose();
        second.Buffer.Dispose();
        Assert.Equal((2, 2, 0), (pool.Statistics.Rents, pool.Statistics.Returns, pool.Statistics.BytesInUse));
        Assert.Equal(pool.RoundUp(100) + pool.RoundUp(840), pool.Statistics.PeakBytes);
    }

    [Theory, MemberData(nameof(Present))]
    public void Buffers_are_aligned_and_as_long_as_asked(string device)
    {
        using var pool = Of(device).CreatePool("test", 1 << 16);
        foreach (var bytes in new long[] { 0, 1, 63, 64, 65, 4096 })
        {
            var buffer = pool.Rent(bytes);
            Assert.Equal(0, buffer.Offset % pool.Alignment);
            if (pool is HostPool) Assert.Equal(0, buffer.Address % 64);
            Assert.InRange(buffer.Bytes, Math.Max(bytes, 1), bytes + pool.Alignment);
        }
    }

    [Theory, MemberData(nameof(Present))]
    public void A_request_that_does_not_fit_names_the_pool_and_changes_nothing(string device)
    {
        using var pool = Of(device).CreatePool("kv", 4096);
        using var held = pool.Rent(1024);
        var error = Assert.Throws<DeviceMemoryException>(() => pool.Rent(4096));
        Assert.Equal($"pool kv: 4,096 bytes must fit, but {pool.Capacity - held.Bytes:N0} of {pool.Capacity:N0} are free "
            + "(choose a shorter context or a smaller weight format).",
            error.Message);
        Assert.Equal((1, held.Bytes), (pool.Statistics.Rents, pool.Statistics.BytesInUse));
    }

    [Fact]
    public void A_buffer_that_is_disposed_twice_is_returned_once()
    {
        using var reference = new ReferenceBackend();
        using var pool = reference.CreatePool("test", 256);
        var buffer = pool.Rent(64);
        buffer.Dispose();
        buffer.Dispose();
        Assert.Equal((1, 0), (pool.Statistics.Returns, pool.Statistics.BytesInUse));
        pool.Rent(256).Dispose();
    }

    [Fact]
    public void A_disposed_pool_rents_nothing_and_takes_late_returns()
    {
        using var reference = new ReferenceBackend();
        var pool = reference.CreatePool("test", 256);
        var late = pool.Rent(64);
        pool.Dispose();
        pool.Dispose();
        late.Dispose();
        Assert.Equal(0, pool.Statistics.BytesInUse);
        Assert.Throws<ObjectDisposedException>(() => pool.Rent(64));
    }

    [Fact]
    public void Negative_sizes_are_refused()
    {
        using var reference = new ReferenceBackend();
        Assert.Throws<ArgumentOutOfRangeException>(() => reference.CreatePool("test", -1));
        using var pool = reference.CreatePool("test", 64);
        Assert.Throws<ArgumentOutOfRangeException>(() => pool.Rent(-1));
    }

    /// <summary>
    /// A pool against a list of what is rented: a request succeeds exactly when some gap of the list holds it, and nothing overlaps.
    /// </summary>
    [Fact]
    public void Any_order_of_rents_and_returns_agrees_with_a_list()
    {
        using var reference = new ReferenceBackend();
        var steps = Gen.Select(Gen.Bool, Gen.Int[0, 700], Gen.Int[0, 1000]).Array[1, 120];
        steps.Sample(sequence =>
        {
            using var pool = reference.CreatePool("test", 4096);
            var held = new List<PoolBuffer>();
            foreach (var (rent, bytes, pick) in sequence)
            {
                if (rent) Rent(pool, held, bytes);
                else if (held.Count > 0) Return(held, pick % held.Count);
                Assert.Equal(held.Sum(b => b.Bytes), pool.Statistics.BytesInUse);
            }
            while (held.Count > 0) Return(held, 0);
            pool.Rent(pool.Capacity).Dispose();
        }, iter: 500, threads: 1);
    }

    [Fact]
    public void Threads_may_rent_and_return_at_once()
    {
        using var reference = new ReferenceBackend();
        using var pool = reference.CreatePool("test", 1 << 20);
        var overlaps = 0;
        Parallel.For(0, 4, thread =>
        {
            for (var i = 0; i < 2000; i++)
            {
                using var buffer = pool.Rent(64 + i * 7 % 900);
                if (!Stamp(buffer, thread * 10_000 + i)) Interlocked.Increment(ref overlaps);
            }
        });
        Assert.Equal(0, overlaps);
        Assert.Equal((8000, 8000, 0), (pool.Statistics.Rents, pool.Statistics.Returns, pool.Statistics.BytesInUse));
        pool.Rent(pool.Capacity).Dispose();
    }

    /// <summary>Writes a number over the buffer and reads it back: another thread in the same memory would be seen.</summary>
    private static unsafe bool Stamp(PoolBuffer buffer, int number)
    {
        var span = new Span<int>((void*)buffer.Address, (int)(buffer.Bytes / 4));
        span.Fill(number);
        Thread.SpinWait(20);
        return span.IndexOfAnyExcept(number) < 0;
    }

    private static void Rent(MemoryPool pool, List<PoolBuffer> held, int bytes)
    {
        var size = Math.Max(pool.RoundUp(bytes), pool.Alignment);
        var (end, largest) = (0L, 0L);
        foreach (var buffer in held.OrderBy(b => b.Offset))
        {
            largest = Math.Max(largest, buffer.Offset - end);
            end = buffer.Offset + buffer.Bytes;
        }
        largest = Math.Max(largest, pool.Capacity - end);
        if (size > largest)
        {
            Assert.Throws<DeviceMemoryException>(() => pool.Rent(bytes));
            return;
        }
        var rented = pool.Rent(bytes);
        Assert.Equal(size, rented.Bytes);
        Assert.InRange(rented.Offset, 0, pool.Capacity - size);
        Assert.DoesNotContain(held, b => b.Offset < rented.Offset + rented.Bytes && rented.Offset < b.Offset + b.Bytes);
        held.Add(rented);
    }

    private static void Return(List<PoolBuffer> held, int index)
    {
        held[index].Dispose();
        held.RemoveAt(index);
    }
}
