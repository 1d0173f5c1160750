using System.Runtime.CompilerServices;

namespace Coppice.Kernels.Simd;

/// <summary>Where the factors of a vector of code words come from: the type parameter of the loops over codes.</summary>
internal unsafe interface IKvFactors<TLanes> where TLanes : struct, ILanes<TLanes>
{
    /// <summary>The factors of the words of vector <paramref name="vector"/>.</summary>
    static abstract TLanes Load(float* factors, int vector);
}

/// <summary>A factor in every lane, in memory.</summary>
internal readonly unsafe struct SpreadFactors<TLanes> : IKvFactors<TLanes> where TLanes : struct, ILanes<TLanes>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Load(float* factors, int vector) => TLanes.Load(factors + 16 * vector);
}

/// <summary>A factor for every four words.</summary>
internal readonly unsafe struct FactorsOf4Words<TLanes> : IKvFactors<TLanes> where TLanes : struct, ILanes<TLanes>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Load(float* factors, int vector) => TLanes.Repeat(factors + 4 * vector, 4);
}

/// <summary>A factor for every eight words.</summary>
internal readonly unsafe struct FactorsOf8Words<TLanes> : IKvFactors<TLanes> where TLanes : struct, ILanes<TLanes>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Load(float* factors, int vector) => TLanes.Repeat(factors + 2 * vector, 8);
}

/// <summary>A factor for all sixteen words.</summary>
internal readonly unsafe struct FactorsOf16Words<TLanes> : IKvFactors<TLanes> where TLanes : struct, ILanes<TLanes>
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Load(float* factors, int vector) => TLanes.Broadcast(factors[vector]);
}
