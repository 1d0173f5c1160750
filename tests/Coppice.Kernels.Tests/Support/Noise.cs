namespace Coppice.Kernels.Tests.Support;

/// <summary>Numbers that look random and are the same on every machine: SplitMix64 of (seed, index).</summary>
public static class Noise
{
    /// <summary><paramref name="count"/> numbers between center - size and center + size, multiples of 2⁻²³ of size.</summary>
    public static float[] Uniform(int seed, long count, float size = 1, float center = 0)
    {
        var values = new float[count];
        for (var i = 0; i < values.Length; i++) values[i] = center + size * ((Bits(seed, i) >> 40) * (2f / (1 << 24)) - 1);
        return values;
    }

    /// <summary><paramref name="count"/> integers from 0 to <paramref name="bound"/> - 1.</summary>
    public static int[] Integers(int seed, int count, int bound)
    {
        var values = new int[count];
        for (var i = 0; i < count; i++) values[i] = (int)(Bits(seed, i) % (ulong)bound);
        return values;
    }

    /// <summary>0 … <paramref name="count"/> - 1 in some order.</summary>
    public static int[] Permutation(int seed, int count) => [.. Enumerable.Range(0, count).OrderBy(i => Bits(seed, i)).ThenBy(i => i)];

    private static ulong Bits(int seed, int index)
    {
        var z = unchecked((ulong)seed * 0xd1342543de82ef95 + (ulong)(index + 1) * 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}
