using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Coppice.Kernels;
using Coppice.Kernels.Memory;
using Coppice.Kernels.Simd;

namespace Coppice.Cli.Measuring;

/// <summary>Measures how fast the machine reads memory and multiplies and adds, with all its threads at once.</summary>
internal sealed unsafe class MachineLimits : IDisposable
{
    private const long BytesPerThread = 128L << 20;     // several times the last-level cache
    private const int Passes = 3, Rounds = 1 << 24;     // some tens of milliseconds each, as long as the rows that they stand beside

    private readonly int _threads;
    private readonly MemoryPool _pool;
    private readonly PoolBuffer _buffer;

    /// <summary>
    /// Takes memory as weights are in, with the same size of pages, and writes it, so that its pages are real and different.
    /// </summary>
    public MachineLimits(Backend backend, int threads)
    {
        _threads = threads;
        _pool = backend.CreatePool("limits", BytesPerThread * threads);
        _buffer = _pool.Rent(BytesPerThread * threads);
        Each(thread => Fill(Part(thread), BytesPerThread));
    }

    /// <summary>The processor's name.</summary>
    public static string Processor
    {
        get
        {
            const string file = "/proc/cpuinfo";
            var line = File.Exists(file)
                ? File.ReadLines(file).FirstOrDefault(text => text.StartsWith("model name", StringComparison.Ordinal))
                : null;
            return line is null
                ? RuntimeInformation.ProcessArchitecture.ToString()
                : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
        }
    }

    /// <summary>10⁹ bytes read in a second.</summary>
    public double ReadGigabytesPerSecond()
    {
        var time = Each(thread => Enumerable.Range(0, Passes).Sum(_ => Read(Part(thread), BytesPerThread)));
        return (double)Passes * BytesPerThread * _threads / time.TotalSeconds / 1e9;
    }

    /// <summary>10⁹ multiplications and additions of F32 in a second.</summary>
    public double FmaGigaflops()
    {
        var time = Each(_ => Multiply(Rounds));
        return 2.0 * 12 * Lanes * Rounds * _threads / time.TotalSeconds / 1e9;
    }

    private static int Lanes => Vector512.IsHardwareAccelerated ? 16 : 8;

    /// <inheritdoc/>
    public void Dispose()
    {
        _buffer.Dispose();
        _pool.Dispose();
    }

    private byte* Part(int thread) => (byte*)_buffer.Address + thread * BytesPerThread;

    /// <summary>Runs <paramref name="work"/> on every thread at the same time; from the first that begins to the last that ends.</summary>
    private TimeSpan Each(Func<int, float> work)
    {
        using var start = new Barrier(_threads);
        var sums = new float[_threads];
        var (begins, ends) = (new long[_threads], new long[_threads]);
        var threads = Enumerable.Range(0, _threads).Select(index => new Thread(() =>
        {
            start.SignalAndWait();
            begins[index] = Stopwatch.GetTimestamp();
            sums[index] = work(index);
            ends[index] = Stopwatch.GetTimestamp();
        })).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        GC.KeepAlive(sums);
        return Stopwatch.GetElapsedTime(begins.Min(), ends.Max());
    }

    private static float Fill(byte* memory, long bytes)
    {
        for (long i = 0; i < bytes / 8; i++) ((long*)memory)[i] = i;
        return 0;
    }

    /// <summary>Eight loads in flight, so that the loop waits for memory alone.</summary>
    [MethodImpl(Compiled.Alone)]
    private static float Read(byte* memory, long bytes)
    {
        Vector256<int> a = default, b = default, c = default, d = default;
        for (long i = 0; i < bytes; i += 256)
        {
            a ^= Vector256.Load((int*)(memory + i)) ^ Vector256.Load((int*)(memory + i + 128));
            b ^= Vector256.Load((int*)(memory + i + 32)) ^ Vector256.Load((int*)(memory + i + 160));
            c ^= Vector256.Load((int*)(memory + i + 64)) ^ Vector256.Load((int*)(memory + i + 192));
            d ^= Vector256.Load((int*)(memory + i + 96)) ^ Vector256.Load((int*)(memory + i + 224));
        }
        return Vector256.Sum(a ^ b ^ c ^ d);
    }

    private static float Multiply(int rounds) => Vector512.IsHardwareAccelerated ? Multiply512(rounds) : Multiply256(rounds);

    /// <summary>Twelve chains of fused multiply-adds: more than two units of latency four can work on.</summary>
    [MethodImpl(Compiled.Alone)]
    private static float Multiply256(int rounds)
    {
        var (x, y) = (Vector256.Create(0.999f), Vector256.Create(0.001f));
        Vector256<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
        for (var n = 0; n < rounds; n++)
        {
            a = Vector256.FusedMultiplyAdd(a, x, y);
            b = Vector256.FusedMultiplyAdd(b, x, y);
            c = Vector256.FusedMultiplyAdd(c, x, y);
            d = Vector256.FusedMultiplyAdd(d, x, y);
            e = Vector256.FusedMultiplyAdd(e, x, y);
            f = Vector256.FusedMultiplyAdd(f, x, y);
            g = Vector256.FusedMultiplyAdd(g, x, y);
            h = Vector256.FusedMultiplyAdd(h, x, y);
            i = Vector256.FusedMultiplyAdd(i, x, y);
            j = Vector256.FusedMultiplyAdd(j, x, y);
            k = Vector256.FusedMultiplyAdd(k, x, y);
            l = Vector256.FusedMultiplyAdd(l, x, y);
        }
        return Vector256.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    [MethodImpl(Compiled.Alone)]
    private static float Multiply512(int rounds)
    {
        var (x, y) = (Vector512.Create(0.999f), Vector512.Create(0.001f));
        Vector512<float> a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
        for (var n = 0; n < rounds; n++)
        {
            a = Vector512.FusedMultiplyAdd(a, x, y);
            b = Vector512.FusedMultiplyAdd(b, x, y);
            c = Vector512.FusedMultiplyAdd(c, x, y);
            d = Vector512.FusedMultiplyAdd(d, x, y);
            e = Vector512.FusedMultiplyAdd(e, x, y);
            f = Vector512.FusedMultiplyAdd(f, x, y);
            g = Vector512.FusedMultiplyAdd(g, x, y);
            h = Vector512.FusedMultiplyAdd(h, x, y);
            i = Vector512.FusedMultiplyAdd(i, x, y);
            j = Vector512.FusedMultiplyAdd(j, x, y);
            k = Vector512.FusedMultiplyAdd(k, x, y);
            l = Vector512.FusedMultiplyAdd(l, x, y);
        }
        return Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }
}
