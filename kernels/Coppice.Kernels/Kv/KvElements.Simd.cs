using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using Coppice.Kernels.Numerics;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

/// <summary>How one stored element of keys and values is read and written on the CPU.</summary>
internal unsafe interface IKvElement<TLanes> where TLanes : struct, ILanes<TLanes>
{
    static abstract ElementType Type { get; }
    static abstract int Size { get; }
    /// <summary>16 consecutive elements from <paramref name="index"/> on, widened.</summary>
    static abstract TLanes Load(byte* source, int index);
    static abstract float LoadOne(byte* source, int index);
    /// <summary>
    /// Stores <paramref name="count"/> elements, narrowed, from <paramref name="index"/> on, <paramref name="stride"/> apart.
    /// </summary>
    static abstract void Scatter(float* source, int count, byte* destination, int index, int stride);
}

/// <inheritdoc cref="ElementType.F32"/>
internal readonly unsafe struct F32Element<TLanes> : IKvElement<TLanes> where TLanes : struct, ILanes<TLanes>
{
    public static ElementType Type => ElementType.F32;
    public static int Size => 4;
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Load(byte* source, int index) => TLanes.Load((float*)source + index);
    public static float LoadOne(byte* source, int index) => ((float*)source)[index];
    public static void Scatter(float* source, int count, byte* destination, int index, int stride)
    {
        var to = (float*)destination + index;
        for (var i = 0; i < count; i++) to[i * stride] = source[i];
    }
}

/// <inheritdoc cref="ElementType.F16"/>
internal readonly unsafe struct F16Element<TLanes> : IKvElement<TLanes> where TLanes : struct, ILanes<TLanes>
{
    /// <summary>
    /// The largest finite F16: larger keys and values are stored as this, since an infinity would make every later token NaN.
    /// </summary>
    private const float Largest = 65504f;

    public static ElementType Type => ElementType.F16;
    public static int Size => 2;
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Load(byte* source, int index) => TLanes.LoadF16((ushort*)source + index);
    public static float LoadOne(byte* source, int index) => (float)BitConverter.UInt16BitsToHalf(((ushort*)source)[index]);
    public static void Scatter(float* source, int count, byte* destination, int index, int stride)
    {
        const int most = 64;
        float* finite = stackalloc float[most];
        ushort* narrow = stackalloc ushort[most];
        var to = (ushort*)destination + index;
        for (var first = 0; first < count; first += most)
        {
            var length = Math.Min(most, count - first);
            TensorPrimitives.Clamp(new ReadOnlySpan<float>(source + first, length), -Largest, Largest, new Span<float>(finite, length));
            TensorPrimitives.ConvertToHalf(new ReadOnlySpan<float>(finite, length), new Span<Half>(narrow, length));
            for (var i = 0; i < length; i++) to[(first + i) * stride] = narrow[i];
        }
    }
}

/// <inheritdoc cref="ElementType.BF16"/>
internal readonly unsafe struct BF16Element<TLanes> : IKvElement<TLanes> where TLanes : struct, ILanes<TLanes>
{
    public static ElementType Type => ElementType.BF16;
    public static int Size => 2;
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Load(byte* source, int index) => TLanes.LoadBF16((ushort*)source + index);
    public static float LoadOne(byte* source, int index) => BFloat16.ToSingle(((ushort*)source)[index]);
    public static void Scatter(float* source, int count, byte* destination, int index, int stride)
    {
        var to = (ushort*)destination + index;
        for (var i = 0; i < count; i++) to[i * stride] = BFloat16.FromSingle(source[i]);
    }
}

/// <summary>Where the keys and values of one block of 64 slots lie: the type parameter that tells dense from paged.</summary>
internal unsafe interface IHostPages
{
    /// <summary>The page that holds slots 64 · <paramref name="block"/> and on.</summary>
    int Page(int block);
    byte* Keys { get; }
    byte* Values { get; }
}
