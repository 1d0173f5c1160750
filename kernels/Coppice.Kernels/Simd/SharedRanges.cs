using System.Runtime.InteropServices;

namespace Coppice.Kernels.Simd;

/// <summary>
/// Work stealing over consecutive units of work: an equal range for each thread; the owner takes from the front, others from the back.
/// </summary>
/// <remarks>
/// A range is one word, first | end, so that front and back are taken by one compare-and-exchange. A thread streams through one run of
/// memory as long as the others
/// keep up, and nobody waits for more than one piece of work.
/// </remarks>
internal sealed class SharedRanges(int threads)
{
    private readonly Padded[] _ranges = new Padded[threads];

    [StructLayout(LayoutKind.Explicit, Size = 128)]
    private struct Padded
    {
        [FieldOffset(0)] internal long Value;       // alone on its cache line
    }

    /// <summary>Ranges: one for each thread.</summary>
    internal int Count => _ranges.Length;

    /// <summary>Shares out <paramref name="count"/> units; no thread may be taking any.</summary>
    internal void Set(int count)
    {
        for (var i = 0; i < _ranges.Length; i++)
            Volatile.Write(ref _ranges[i].Value,
                Pack((int)((long)count * i / _ranges.Length), (int)((long)count * (i + 1) / _ranges.Length)));
    }

    /// <summary>Takes up to <paramref name="most"/> units of range <paramref name="own"/>, or of another if it is empty.</summary>
    /// <returns>Whether there were any.</returns>
    internal bool TryTake(int own, int most, out int first, out int end)
    {
        if (TryTakeFront(ref _ranges[own].Value, most, out first, out end)) return true;
        for (var i = 1; i < _ranges.Length; i++)
            if (TryTakeBack(ref _ranges[(own + i) % _ranges.Length].Value, most, out first, out end)) return true;
        return false;
    }

    private static bool TryTakeFront(ref long range, int most, out int first, out int end)
    {
        while (true)
        {
            var state = Volatile.Read(ref range);
            (first, var last) = ((int)(state >> 32), (int)state);
            end = Math.Min(first + most, last);
            if (first >= last) return false;
            if (Interlocked.CompareExchange(ref range, Pack(end, last), state) == state) return true;
        }
    }

    private static bool TryTakeBack(ref long range, int most, out int first, out int end)
    {
        while (true)
        {
            var state = Volatile.Read(ref range);
            (var begin, end) = ((int)(state >> 32), (int)state);
            first = Math.Max(begin, end - most);
            if (begin >= end) return false;
            if (Interlocked.CompareExchange(ref range, Pack(begin, first), state) == state) return true;
        }
    }

    private static long Pack(int first, int end) => (long)first << 32 | (uint)end;
}
