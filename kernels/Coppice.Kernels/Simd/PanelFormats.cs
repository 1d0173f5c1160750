using System.Runtime.CompilerServices;

namespace Coppice.Kernels.Simd;

/// <summary>How a panel's pair of inputs becomes two groups of 16 lanes: the type parameter of every matmul loop.</summary>
internal unsafe interface IPanelFormat<TLanes> where TLanes : struct, ILanes<TLanes>
{
    /// <summary>Bytes of 16 outputs at k and k + 1.</summary>
    static abstract int PairBytes { get; }
    /// <summary>16 outputs at k.</summary>
    static abstract TLanes Even(byte* pair);
    /// <summary>
    /// 16 outputs at k + 1. Apart from <see cref="Even"/>, so that a tile that fills the registers holds one of them at a time.
    /// </summary>
    static abstract TLanes Odd(byte* pair);
}

/// <summary>[2][16 outputs], F32.</summary>
internal readonly unsafe struct F32Panels<TLanes> : IPanelFormat<TLanes> where TLanes : struct, ILanes<TLanes>
{
    public static int PairBytes => 128;
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Even(byte* pair) => TLanes.Load((float*)pair);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Odd(byte* pair) => TLanes.Load((float*)pair + 16);
}

/// <summary>[16 outputs][2], BF16.</summary>
internal readonly unsafe struct BF16Panels<TLanes> : IPanelFormat<TLanes> where TLanes : struct, ILanes<TLanes>
{
    public static int PairBytes => 64;
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Even(byte* pair) => TLanes.LoadBF16Even(pair);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Odd(byte* pair) => TLanes.LoadBF16Odd(pair);
}

/// <summary>[16 outputs][2], F16.</summary>
internal readonly unsafe struct F16Panels<TLanes> : IPanelFormat<TLanes> where TLanes : struct, ILanes<TLanes>
{
    public static int PairBytes => 64;
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Even(byte* pair) => TLanes.LoadF16Even(pair);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Odd(byte* pair) => TLanes.LoadF16Odd(pair);
}
