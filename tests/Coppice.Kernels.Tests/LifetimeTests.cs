using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;
using Coppice.Kernels.Memory;
using Coppice.Kernels.Numerics;
using Coppice.Kernels.Tests.Reference;
using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests;

/// <summary>Memory lives as long as its last user: disposal in any order and from any thread, and what nobody disposes.</summary>
public sealed class LifetimeTests
{
    private const int Patience = 200;       // collections before a test gives up

    public static TheoryData<string> Present => [.. Devices.All.Where(device => device.Missing is null).Select(device => device.Name)];

    private static Backend Of(string name) => Devices.All.Single(device => device.Name == name).Backends[^1];

    [Theory, MemberData(nameof(Present))]
    public void A_buffer_outlives_its_pool(string device)
    {
        var backend = Of(device);
        var before = backend.Memory.SlabBytes;
        var pool = backend.CreatePool("test", 1 << 16);
        var tensor = pool.Rent(new Shape(4, 8));
        var other = pool.Rent(64);
        pool.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pool.Rent(64));
        other.Dispose();
        Assert.Equal(pool.Capacity, backend.Memory.SlabBytes - before);
        var values = Enumerable.Range(0, 32).Select(i => (float)i).ToArray();
        var found = new float[32];
        backend.Upload<float>(values, tensor);
        backend.Map(tensor, Activation.Relu, tensor);
        backend.Download(tensor, found.AsSpan());
        Assert.Equal(values, found);
        tensor.Buffer.Dispose();
        Assert.Equal((before, 0L), (backend.Memory.SlabBytes, pool.Statistics.SlabBytes));
    }

    [Theory, MemberData(nameof(Present))]
    public void An_op_refuses_a_buffer_that_was_returned(string device)
    {
        var backend = Of(device);
        using var pool = backend.CreatePool("kv", 1 << 16);
        var (x, y) = (pool.Rent(new Shape(4, 8)), pool.Rent(new Shape(4, 8)));
        x.Buffer.Dispose();
        var error = Assert.Throws<ObjectDisposedException>(() => backend.Map(x, Activation.Relu, y));
        Assert.StartsWith("map: x must be in use, but was returned to pool kv.", error.Message, StringComparison.Ordinal);
        Assert.Throws<ObjectDisposedException>(() => backend.Upload<float>(new float[32], x));
        Assert.Throws<ObjectDisposedException>(() => backend.Download(x, new float[32].AsSpan()));
        var weight = backend.CreateWeight(pool, 8, 8, MatrixFormat.F32);
        weight.Dispose();
        Assert.Throws<ObjectDisposedException>(() => weight.Write(0, new byte[256], ElementType.F32));
        Assert.Throws<ObjectDisposedException>(() => backend.MatMul(y, weight, default, y));
        y.Buffer.Dispose();
    }

    [Fact]
    public void After_disposal_every_op_says_so()
    {
        foreach (var backend in New())
        {
            var pool = backend.CreatePool("late", 1 << 12);
            var buffer = pool.Rent(64);
            backend.Dispose();
            backend.Dispose();
            foreach (var op in Ops())
            {
                var arguments = op.GetParameters().Select(p => Nothing(p.ParameterType)).ToArray();
                var error = Assert.Throws<TargetInvocationException>(() => op.Invoke(backend, arguments));
                Assert.True(error.InnerException is ObjectDisposedException, $"{backend.Name}: {op}: {error.InnerException}");
            }
            Assert.Throws<ObjectDisposedException>(() => backend.Upload<float>([], default));
            Assert.Throws<ObjectDisposedException>(() => backend.Download<float>(default, []));
            Assert.Throws<ObjectDisposedException>(() => backend.CreatePool("more", 64));
            Assert.Throws<ObjectDisposedException>(() => backend.CreateWeight(pool, 8, 8, MatrixFormat.F32));
            buffer.Dispose();
            pool.Dispose();
            Assert.Equal((0L, 0L), (backend.Memory.SlabBytes, backend.Memory.BytesInUse));
        }
    }

    /// <summary>
    /// Threads rent, write, read and return while one of them closes the pool; a guard page would end the process at a use of freed memory.
    /// </summary>
    [Fact]
    public void Any_schedule_of_rents_returns_and_disposal_keeps_memory_apart()
    {
        using var backend = new ReferenceBackend();
        for (var round = 0; round < 150; round++)
        {
            var pool = new GuardedPool(backend, "test", 1 << 15, beforeGuard: round % 2 == 0);
            var overlaps = 0;
            var threads = Enumerable.Range(0,
                4).Select(number => new Thread(() => Interlocked.Add(ref overlaps, RentUntilClosed(pool, 10 * round + number)))).ToArray();
            foreach (var thread in threads) thread.Start();
            Thread.SpinWait(new Random(round).Next(200_000));
            pool.Dispose();
            foreach (var thread in threads) thread.Join();
            Assert.Equal(0, overlaps);
            Assert.Equal((0L, 0L), (pool.Statistics.BytesInUse, pool.Statistics.SlabBytes));
            Assert.Equal(pool.Statistics.Rents, pool.Statistics.Returns);
        }
        Assert.Equal((0L, 0L, 0L), (backend.Memory.BytesInUse, backend.Memory.SlabBytes, backend.Memory.ForgottenBuffers));
    }

    /// <summary>
    /// One thread computes on guarded memory while another disposes the back end, the buffers and the pools, in any order.
    /// </summary>
    [Theory]
    [InlineData(400, 2)]
    [InlineData(50, 1)]
    public void Disposal_from_another_thread_waits_for_the_op(int rounds, int threads)
    {
        for (var round = 0; round < rounds; round++)
        {
            var backend = SimdBackend.Create(threads);
            var random = new Random(round);
            var owned = new List<IDisposable> { backend };
            var (x, y) = (Guarded(backend, owned, new Shape(24, 256)), Guarded(backend, owned, new Shape(24, 256)));
            var pool = backend.CreatePool("weights", backend.WeightBytes(256, 256, MatrixFormat.BF16) + 64);
            var weight = backend.CreateWeight(pool, 256, 256, MatrixFormat.BF16);
            weight.Write(0, new byte[2 * 256 * 256], ElementType.BF16);
            owned.AddRange([pool, weight]);
            var ops = 0;
            var computes = new Thread(() =>
            {
                try { for (; ; ops++) backend.MatMul(x, weight, default, y); }
                catch (ObjectDisposedException) { }
            });
            computes.Start();
            SpinWait.SpinUntil(() => Volatile.Read(ref ops) > 0);
            Thread.SpinWait(random.Next(3000));
            foreach (var one in owned.OrderBy(_ => random.Next())) one.Dispose();
            Assert.True(computes.Join(TimeSpan.FromSeconds(60)), "the thread that computes must end");
            Assert.Equal((0L, 0L, 0L), (backend.Memory.BytesInUse, backend.Memory.SlabBytes, backend.Memory.ForgottenBuffers));
        }
    }

    [Theory, MemberData(nameof(Present))]
    public void Writing_to_a_weight_keeps_its_memory(string device)
    {
        var backend = Of(device);
        var before = backend.Memory.SlabBytes;
        for (var round = 0; round < 20; round++)
        {
            var pool = backend.CreatePool("weights", backend.WeightBytes(64, 512, MatrixFormat.Q8) + 256);
            var weight = backend.CreateWeight(pool, 64, 512, MatrixFormat.Q8);
            var rows = new byte[64 * 512 * 4];
            var writes = new Thread(() =>
            {
                try { while (true) weight.Write(0, rows, ElementType.F32); }
                catch (ObjectDisposedException) { }
            });
            writes.Start();
            Thread.SpinWait(new Random(round).Next(100_000));
            weight.Dispose();
            pool.Dispose();
            Assert.True(writes.Join(TimeSpan.FromSeconds(60)));
        }
        Assert.Equal(before, backend.Memory.SlabBytes);
    }

    [Theory, MemberData(nameof(Present))]
    public void Forgotten_pools_and_buffers_are_collected_and_counted(string device)
    {
        var memory = Of(device).Memory;
        var (slabs, bytes, pools, buffers) = (memory.SlabBytes, memory.BytesInUse, memory.ForgottenPools, memory.ForgottenBuffers);
        Forget(Of(device), count: 40, bytes: 1 << 20);
        CollectUntil(() => memory.ForgottenPools == pools + 40 && memory.ForgottenBuffers == buffers + 80);
        Assert.Equal((slabs, bytes), (memory.SlabBytes, memory.BytesInUse));
    }

    [Theory, MemberData(nameof(Present))]
    public void A_forgotten_buffer_goes_back_to_its_pool(string device)
    {
        using var pool = Of(device).CreatePool("test", 1 << 16);
        ForgetBuffers(pool, 3);
        CollectUntil(() => pool.Statistics.ForgottenBuffers == 3);
        Assert.Equal((3 * pool.RoundUp(1000), 0L, 0L),
            (pool.Statistics.ForgottenBytes, pool.Statistics.BytesInUse, pool.Statistics.ForgottenPools));
        pool.Rent(pool.Capacity).Dispose();
    }

    [Fact]
    public void What_is_disposed_is_not_counted_as_forgotten()
    {
        using var backend = SimdBackend.Create(1);
        for (var i = 0; i < 20; i++)
        {
            var pool = backend.CreatePool("test", 4096);
            var (early, late) = (pool.Rent(64), pool.Rent(64));
            early.Dispose();
            pool.Dispose();
            late.Dispose();
        }
        for (var i = 0; i < 3; i++) Collect();
        Assert.Equal((0L, 0L, 0L), (backend.Memory.ForgottenPools, backend.Memory.ForgottenBuffers, backend.Memory.SlabBytes));
    }

    [Fact]
    public void A_forgotten_CPU_back_end_is_collected_and_its_threads_end()
    {
        var before = Threads();
        var forgotten = ForgetBackends(16, threads: 5);
        CollectUntil(() => forgotten.All(backend => !backend.IsAlive));
        CollectUntil(() => Threads() < before + 16);        // of 64
    }

    [Fact]
    public void A_forgotten_GPU_back_end_is_collected_and_frees_its_memory()
    {
        var (backend, memory) = ForgetAccelerator();
        CollectUntil(() => !backend.IsAlive && memory.SlabBytes == 0);
        Assert.Equal((2L, 2L), (memory.ForgottenPools, memory.ForgottenBuffers));      // the scratch, and one of ours
    }

    [Fact]
    public void A_GPU_back_end_may_be_disposed_twice_from_another_thread_and_before_its_pools()
    {
        var backend = GpuBackend.CreateCpuAccelerator();
        var pool = backend.CreatePool("test", 1 << 12);
        var tensor = pool.Rent(new Shape(32));
        backend.Upload<float>(new float[32], tensor);
        Parallel.For(0, 4, _ => backend.Dispose());
        Assert.Throws<ObjectDisposedException>(() => backend.Download(tensor, new float[32].AsSpan()));
        pool.Dispose();
        Assert.Equal(pool.Capacity, backend.Memory.SlabBytes);
        tensor.Buffer.Dispose();
        Assert.Equal(0, backend.Memory.SlabBytes);
        Assert.Throws<ObjectDisposedException>(() => backend.AvailableBytes);
    }

    private static List<Backend> New() =>
        [new ReferenceBackend(), SimdBackend.Create(2), SimdBackend.Create(1, CpuTier.Portable), GpuBackend.CreateCpuAccelerator()];

    /// <summary>Every public method that computes.</summary>
    private static List<MethodInfo> Ops()
    {
        var ops = typeof(Backend).GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Where(method => method is { IsSpecialName: false, IsGenericMethod: false } && method.ReturnType == typeof(void)
                && method.Name != nameof(Backend.Dispose)
                && !method.GetParameters().Any(p => p.ParameterType.IsByRefLike)).ToList();
        Assert.True(ops.Count > 15, $"{ops.Count} ops");
        return ops;
    }

    private static object? Nothing(Type type)
    {
        var plain = type.IsByRef ? type.GetElementType()! : type;
        return plain.IsValueType ? RuntimeHelpers.GetUninitializedObject(plain) : null;
    }

    private static Tensor Guarded(Backend backend, List<IDisposable> owned, Shape shape)
    {
        var pool = new GuardedPool(backend, "operand", shape.Count * sizeof(float), beforeGuard: true);
        var tensor = pool.Rent(shape);
        backend.Upload<float>(new float[shape.Count], tensor);
        owned.AddRange([pool, tensor.Buffer]);
        return tensor;
    }

    private static unsafe int RentUntilClosed(MemoryPool pool, int seed)
    {
        var random = new Random(seed);
        var held = new Queue<PoolBuffer>();
        var overlaps = 0;
        try
        {
            while (true)
            {
                if (held.Count < 6 && random.Next(3) > 0)
                {
                    var buffer = pool.Rent(2 * random.Next(1, 400));
                    held.Enqueue(buffer);
                    Bytes(buffer).Fill((byte)seed);
                }
                else if (held.TryDequeue(out var oldest)) overlaps += CheckAndReturn(oldest, (byte)seed);
            }
        }
        catch (ObjectDisposedException)
        {
            while (held.TryDequeue(out var rest)) overlaps += CheckAndReturn(rest, (byte)seed);
        }
        return overlaps;
    }

    private static unsafe Span<byte> Bytes(PoolBuffer buffer) => new((void*)buffer.Address, (int)buffer.Bytes);

    private static int CheckAndReturn(PoolBuffer buffer, byte stamp)
    {
        var isOthers = Bytes(buffer).IndexOfAnyExcept(stamp) >= 0;
        buffer.Dispose();
        return isOthers ? 1 : 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Forget(Backend backend, int count, int bytes)
    {
        for (var i = 0; i < count; i++)
        {
            var pool = backend.CreatePool("forgotten", bytes);
            pool.Rent(bytes / 4);
            backend.Upload<float>(new float[bytes / 16], pool.Rent(new Shape(bytes / 16)));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ForgetBuffers(MemoryPool pool, int count)
    {
        for (var i = 0; i < count; i++) pool.Rent(1000);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference[] ForgetBackends(int count, int threads)
    {
        var forgotten = new WeakReference[count];
        for (var i = 0; i < count; i++)
        {
            var backend = SimdBackend.Create(threads);
            var pool = backend.CreatePool("test", 1 << 20);
            var x = pool.Rent(new Shape(64, 256));
            var weight = backend.CreateWeight(pool, 256, 256, MatrixFormat.F32);
            backend.Upload<float>(new float[64 * 256], x);
            weight.Write(0, new byte[4 * 256 * 256], ElementType.F32);
            backend.MatMul(x, weight, default, pool.Rent(new Shape(64, 256)));
            forgotten[i] = new WeakReference(backend);
        }
        return forgotten;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (WeakReference Backend, PoolStatistics Memory) ForgetAccelerator()
    {
        var backend = GpuBackend.CreateCpuAccelerator();
        var pool = backend.CreatePool("test", 1 << 12);
        backend.Upload<float>(new float[32], pool.Rent(new Shape(32)));
        return (new WeakReference(backend), backend.Memory);
    }

    private static int Threads()
    {
        using var process = Process.GetCurrentProcess();
        return process.Threads.Count;
    }

    private static void CollectUntil(Func<bool> condition)
    {
        for (var i = 0; i < Patience && !condition(); i++)
        {
            Collect();
            Thread.Sleep(10);
        }
        Assert.True(condition());
    }

    private static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    /// <summary>
    /// Finalizers run in any order: a buffer that was finalised first is disposed by its owner's finalizer after that, and goes back once.
    /// </summary>
    [Fact]
    public void A_buffer_whose_owner_is_finalised_after_it_goes_back_once()
    {
        using var backend = SimdBackend.Create(1);
        using var pool = backend.CreatePool("test", 1 << 16);
        for (var i = 0; i < 50; i++) ForgetOwner(pool);
        for (var attempt = 0; attempt < 50 && pool.Statistics.BytesInUse > 0; attempt++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        Assert.Equal(0, pool.Statistics.BytesInUse);
        Assert.Equal(pool.Statistics.Rents, pool.Statistics.Returns);
        using var whole = pool.Rent(pool.Capacity);
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static void ForgetOwner(MemoryPool pool) => _ = new Owner(pool.Rent(512));

    private sealed class Owner(PoolBuffer buffer)
    {
        ~Owner()
        {
            buffer.Dispose();
            buffer.Dispose();
        }
    }
}
