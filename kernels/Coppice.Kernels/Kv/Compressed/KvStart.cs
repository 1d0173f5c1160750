namespace Coppice.Kernels;

/// <summary>The start of the power iteration: entries +1 and -1 from a counter hash, the same on every device and in every order.</summary>
/// <remarks>
/// With mix, the finaliser of splitmix64 (Steele, Lea and Flood, Fast splittable pseudorandom number generators), and G =
/// 0x9e3779b97f4a7c15: h = mix(seed + G), then for each of layer, head, 0 for keys or 1 for values, chunk number, row, column: h = mix((h ^
/// that) + G). The entry is -1 where the highest bit of h is set.
/// </remarks>
internal readonly struct KvStart
{
    private const ulong Golden = 0x9e3779b97f4a7c15;
    private readonly ulong _hash;

    /// <summary>The matrix of one head of a chunk.</summary>
    public KvStart(ulong seed, int layer, int head, bool isKeys, int number)
    {
        var hash = Mix(seed + Golden);
        hash = Next(hash, layer);
        hash = Next(hash, head);
        hash = Next(hash, isKeys ? 0 : 1);
        _hash = Next(hash, number);
    }

    /// <summary>+1 or -1.</summary>
    public float Entry(int row, int column) => (long)Next(Next(_hash, row), column) < 0 ? -1f : 1f;

    private static ulong Next(ulong hash, int number) => Mix((hash ^ (uint)number) + Golden);

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}
