using System.Globalization;
using Xunit;

namespace Coppice.Kernels.Tests.Support;

/// <summary>Comparisons that NaN cannot pass; each failure names the op, the case, the first bad index and both values.</summary>
internal static class Compare
{
    private const int EnoughForMean = 64;       // fewer elements may all be near zero by chance, and say nothing on average

    /// <summary>Fails unless <paramref name="actual"/> is within <paramref name="tolerance"/> of <paramref name="expected"/>.</summary>
    public static void Within(string what, ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, Tolerance tolerance)
    {
        if (expected.Length != actual.Length) Assert.Fail($"{what}: {expected.Length} elements expected, got {actual.Length}");
        var (error, size) = (0.0, 0.0);
        for (var i = 0; i < expected.Length; i++)
        {
            double e = expected[i], a = actual[i];
            if (double.IsNaN(e) || double.IsNaN(a)) Fail(what, i, e, a, "NaN");
            if (double.IsInfinity(e) || double.IsInfinity(a))
            {
                if (e != a) Fail(what, i, e, a, "an infinity that the other does not have");
                continue;
            }
            var difference = Math.Abs(e - a);
            if (difference > tolerance.Absolute + tolerance.Relative * Math.Abs(e))
                Fail(what, i, e, a, $"off by {difference:g3}, allowed {tolerance.Absolute:g3} + {tolerance.Relative:g3} relative");
            error += difference * difference;
            size += e * e;
        }
        if (expected.Length >= EnoughForMean && error > tolerance.MeanSquare * size)
            Assert.Fail($"{what}: normalised mean square error {error / size:g3}, allowed {tolerance.MeanSquare:g3}");
    }

    /// <summary>Fails unless both have the same bits.</summary>
    public static void SameBits(string what, ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        if (expected.Length != actual.Length) Assert.Fail($"{what}: {expected.Length} elements expected, got {actual.Length}");
        for (var i = 0; i < expected.Length; i++)
            if (BitConverter.SingleToUInt32Bits(expected[i]) != BitConverter.SingleToUInt32Bits(actual[i]))
                Fail(what, i, expected[i], actual[i], "bits differ");
    }

    /// <summary>Fails unless both are finite and have the same bits.</summary>
    public static void SameFiniteBits(string what, ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        for (var i = 0; i < expected.Length; i++)
            if (!float.IsFinite(expected[i])) Fail(what, i, expected[i], i < actual.Length ? actual[i] : double.NaN, "not finite");
        SameBits(what, expected, actual);
    }

    /// <summary>Fails unless both are equal element by element.</summary>
    public static void Same<T>(string what, ReadOnlySpan<T> expected, ReadOnlySpan<T> actual) where T : IEquatable<T>
    {
        if (expected.Length != actual.Length) Assert.Fail($"{what}: {expected.Length} elements expected, got {actual.Length}");
        for (var i = 0; i < expected.Length; i++)
            if (!expected[i].Equals(actual[i])) Assert.Fail($"{what}: at {i} expected {expected[i]}, got {actual[i]}");
    }

    private static void Fail(string what, int index, double expected, double actual, string why) =>
        Assert.Fail(string.Create(CultureInfo.InvariantCulture, $"{what}: at {index} expected {expected:g9}, got {actual:g9}: {why}"));
}
