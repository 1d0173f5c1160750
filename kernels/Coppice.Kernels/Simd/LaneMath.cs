using System.Runtime.CompilerServices;

namespace Coppice.Kernels.Simd;

/// <summary>Functions over lanes that every tier computes alike.</summary>
internal static unsafe class LaneMath
{
    /// <summary>
    /// e^x: 2^n · P(r) with n = round(x / ln 2), r = x - n ln 2 (Cephes expf); relative error below 2e-7, 0 below -87.3 and for -∞, +∞
    /// above 88.7.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Exp<T>(T x) where T : struct, ILanes<T>
    {
        var clamped = T.Min(T.Max(x, T.Broadcast(-87.33654f)), T.Broadcast(88.72283f));
        var n = T.Min(T.Round(T.Multiply(clamped, T.Broadcast(1.44269504f))), T.Broadcast(127f));
        var p = ExpOfRemainder(clamped, n);
        var y = T.Multiply(p, T.PowerOfTwo(n));
        y = T.SelectLess(x, T.Broadcast(-87.33654f), T.Zero, y);
        return T.SelectLess(T.Broadcast(88.72283f), x, T.Broadcast(float.PositiveInfinity), y);
    }

    /// <summary>
    /// The same for x ≤ 0, in two thirds of the instructions: n is read off the sum that rounds it, and is added to the exponent of P(r).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T ExpOfNonPositive<T>(T x) where T : struct, ILanes<T>
    {
        var least = T.Broadcast(-87.33654f);
        var clamped = T.Max(x, least);
        var t = T.FusedMultiplyAdd(clamped, T.Broadcast(1.44269504f), T.Broadcast(Magic));
        var n = T.Subtract(t, T.Broadcast(Magic));
        var p = ExpOfRemainder(clamped, n);
        return T.SelectLess(x, least, T.Zero, T.AddToExponent(p, t));
    }

    /// <summary>P(x - n ln 2), the difference in two steps so that it is nearly exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T ExpOfRemainder<T>(T clamped, T n) where T : struct, ILanes<T>
    {
        var r = T.FusedMultiplyAdd(n, T.Broadcast(-0.693359375f), clamped);
        r = T.FusedMultiplyAdd(n, T.Broadcast(2.12194440e-4f), r);
        var p = T.FusedMultiplyAdd(T.Broadcast(1.9875691500e-4f), r, T.Broadcast(1.3981999507e-3f));
        p = T.FusedMultiplyAdd(p, r, T.Broadcast(8.3334519073e-3f));
        p = T.FusedMultiplyAdd(p, r, T.Broadcast(4.1665795894e-2f));
        p = T.FusedMultiplyAdd(p, r, T.Broadcast(1.6666665459e-1f));
        p = T.FusedMultiplyAdd(p, r, T.Broadcast(5.0000001201e-1f));
        return T.FusedMultiplyAdd(p, T.Multiply(r, r), T.Add(r, T.Broadcast(1f)));
    }

    /// <summary>1.5 · 2^23: a number of this size has its ones in the lowest bits.</summary>
    private const float Magic = 12582912f;

    /// <summary>tanh x = 1 - 2 / (e^2x + 1); absolute error below 2e-7.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Tanh<T>(T x) where T : struct, ILanes<T>
    {
        var one = T.Broadcast(1f);
        return T.Subtract(one, T.Divide(T.Broadcast(2f), T.Add(Exp(T.Add(x, x)), one)));
    }

    /// <summary>
    /// erf x, as <see cref="Numerics.ErrorFunction"/> has it: both branches, then the one that holds; absolute error below 3e-7.
    /// </summary>
    internal static T Erf<T>(T x) where T : struct, ILanes<T>
    {
        T one = T.Broadcast(1f), a = T.Max(x, T.Subtract(T.Zero, x)), z = T.Multiply(x, x);
        var p = T.FusedMultiplyAdd(z, T.Broadcast(-1f / 6894720f), T.Broadcast(1f / 685440f));
        p = T.FusedMultiplyAdd(z, p, T.Broadcast(-1f / 75600f));
        p = T.FusedMultiplyAdd(z, p, T.Broadcast(1f / 9360f));
        p = T.FusedMultiplyAdd(z, p, T.Broadcast(-1f / 1320f));
        p = T.FusedMultiplyAdd(z, p, T.Broadcast(1f / 216f));
        p = T.FusedMultiplyAdd(z, p, T.Broadcast(-1f / 42f));
        p = T.FusedMultiplyAdd(z, p, T.Broadcast(1f / 10f));
        p = T.FusedMultiplyAdd(z, p, T.Broadcast(-1f / 3f));
        var near = T.Multiply(T.Multiply(T.Broadcast(1.1283791670955126f), x), T.FusedMultiplyAdd(z, p, one));
        var t = T.Divide(one, T.FusedMultiplyAdd(a, T.Broadcast(0.3275911f), one));
        var q = T.FusedMultiplyAdd(t, T.Broadcast(1.061405429f), T.Broadcast(-1.453152027f));
        q = T.FusedMultiplyAdd(t, q, T.Broadcast(1.421413741f));
        q = T.FusedMultiplyAdd(t, q, T.Broadcast(-0.284496736f));
        q = T.Multiply(t, T.FusedMultiplyAdd(t, q, T.Broadcast(0.254829592f)));
        var far = T.Subtract(one, T.Multiply(q, Exp(T.Subtract(T.Zero, z))));
        far = T.SelectLess(x, T.Zero, T.Subtract(T.Zero, far), far);
        return T.SelectLess(a, one, near, far);
    }

    /// <summary>The scalar e^x with the bits that a lane of <see cref="Exp{T}(T)"/> gives.</summary>
    internal static float Exp<T>(float x) where T : struct, ILanes<T> => T.Largest(Exp(T.Broadcast(x)));

    /// <summary>Lanes [0, count) from memory and <paramref name="fill"/> in the rest: the tail of a row.</summary>
    internal static T LoadPartial<T>(float* source, int count, float fill = 0f) where T : struct, ILanes<T>
    {
        var buffer = stackalloc float[16];
        for (var i = 0; i < T.Count; i++) buffer[i] = i < count ? source[i] : fill;
        return T.Load(buffer);
    }

    /// <summary>Stores lanes [0, count).</summary>
    internal static void StorePartial<T>(T value, float* destination, int count) where T : struct, ILanes<T>
    {
        var buffer = stackalloc float[16];
        T.Store(value, buffer);
        for (var i = 0; i < count; i++) destination[i] = buffer[i];
    }
}
