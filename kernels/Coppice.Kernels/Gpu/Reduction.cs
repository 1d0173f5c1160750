using ILGPU;

namespace Coppice.Kernels.Gpu;

/// <summary>A value and where it stands; <see cref="Index"/> breaks ties.</summary>
internal struct Candidate
{
    internal float Value;
    internal int Index;

    /// <summary>What is chosen after everything else.</summary>
    internal static Candidate None => new() { Value = float.NegativeInfinity, Index = int.MaxValue };

    /// <summary>Larger first, equal values by ascending index.</summary>
    internal static bool Precedes(Candidate a, Candidate b) => a.Value > b.Value || (a.Value == b.Value && a.Index < b.Index);
}

/// <summary>
/// Sums, maxima and first candidates over a warp or a group. Every thread gets the result, and every thread must take part.
/// </summary>
/// <remarks>
/// A warp adds by a butterfly of exclusive-or shuffles: lane pairs at distance warpSize / 2 first, then half that, down to 1. Addition
/// commutes,
/// so all lanes hold the same bits. A group adds its warps' sums in ascending order. Nothing else decides the order of a sum (contract C1).
/// </remarks>
internal static class Reduction
{
    /// <summary>Warps of a group at most, so that shared memory has a fixed size.</summary>
    internal const int MaxWarps = 32;

    internal static float WarpSum(float value) => WarpSum(value, 1);

    /// <summary>The sum over lanes that are a multiple of <paramref name="apart"/> apart.</summary>
    /// <remarks>
    /// Written out, because ptxas does not unroll loops of shuffles; the warp size is a constant on a GPU, so nothing is asked at run time.
    /// </remarks>
    internal static float WarpSum(float value, int apart)
    {
        if (Warp.WarpSize > 32 && apart <= 32) value += Warp.ShuffleXor(value, 32);
        if (Warp.WarpSize > 16 && apart <= 16) value += Warp.ShuffleXor(value, 16);
        if (Warp.WarpSize > 8 && apart <= 8) value += Warp.ShuffleXor(value, 8);
        if (Warp.WarpSize > 4 && apart <= 4) value += Warp.ShuffleXor(value, 4);
        if (Warp.WarpSize > 2 && apart <= 2) value += Warp.ShuffleXor(value, 2);
        if (apart <= 1) value += Warp.ShuffleXor(value, 1);
        return value;
    }

    internal static float WarpMax(float value)
    {
        if (Warp.WarpSize > 32) value = MathF.Max(value, Warp.ShuffleXor(value, 32));
        if (Warp.WarpSize > 16) value = MathF.Max(value, Warp.ShuffleXor(value, 16));
        if (Warp.WarpSize > 8) value = MathF.Max(value, Warp.ShuffleXor(value, 8));
        if (Warp.WarpSize > 4) value = MathF.Max(value, Warp.ShuffleXor(value, 4));
        if (Warp.WarpSize > 2) value = MathF.Max(value, Warp.ShuffleXor(value, 2));
        return MathF.Max(value, Warp.ShuffleXor(value, 1));
    }

    internal static float GroupSum(float value)
    {
        var partial = SharedMemory.Allocate<float>(MaxWarps);
        value = WarpSum(value);
        if (Warp.LaneIdx == 0) partial[Warp.WarpIdx] = value;
        Group.Barrier();
        var sum = 0f;
        for (var warp = 0; warp < Group.DimX / Warp.WarpSize; warp++) sum += partial[warp];
        return sum;
    }

    internal static float GroupMax(float value)
    {
        var partial = SharedMemory.Allocate<float>(MaxWarps);
        value = WarpMax(value);
        if (Warp.LaneIdx == 0) partial[Warp.WarpIdx] = value;
        Group.Barrier();
        var max = float.NegativeInfinity;
        for (var warp = 0; warp < Group.DimX / Warp.WarpSize; warp++) max = MathF.Max(max, partial[warp]);
        return max;
    }

    /// <summary>The candidate that precedes all others of the warp.</summary>
    internal static Candidate WarpFirst(Candidate candidate)
    {
        for (var distance = Warp.WarpSize / 2; distance > 0; distance /= 2)
        {
            var other = new Candidate
            {
                Value = Warp.ShuffleXor(candidate.Value, distance),
                Index = Warp.ShuffleXor(candidate.Index, distance)
            };
            if (Candidate.Precedes(other, candidate)) candidate = other;
        }
        return candidate;
    }
}
