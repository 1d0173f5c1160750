namespace Coppice.Kernels.Tests.Support;

/// <summary>
/// How far a result may be from the reference: |actual - expected| ≤ Absolute + Relative · |expected|, and the mean square error over the
/// mean square.
/// </summary>
public readonly record struct Tolerance(double Absolute, double Relative, double MeanSquare);

/// <summary>Every tolerance of the kernel tests, each with the reason for its size. A test may not use another.</summary>
/// <remarks>
/// u is the unit roundoff of F32: one operation is off by at most u times its result. Case data lie within ±1 unless stated.
/// </remarks>
internal static class Tolerances
{
    private const double U = 1.0 / (1 << 24);
    private const double Exp = 2e-7, Tanh = 2e-7, Erf = 3e-7;       // the documented errors of the approximations

    /// <summary>Copies, selections and single operations that round once, as the reference does.</summary>
    public static Tolerance Exact => new(0, 0, 0);

    /// <summary>
    /// Σ over n products of factors in ±1: partial sum k has standard deviation √k / 3 and its rounding u · √k / 3 / √3, so all n together
    /// have
    /// u n / 7.3; seven standard deviations are u n. Where the result s is large, the partial sums have climbed to it: Σ s_k² is about n s²
    /// / 3, so the
    /// roundings have a standard deviation of u s √n / 3, and three of them are u s √n. The bias and the reference's own rounding add one u
    /// each.
    /// Mean square: u² n / 6, six times that allowed.
    /// </summary>
    public static Tolerance MatMul(int inputs) => new(U * (inputs + 1), U * (2 + Math.Sqrt(inputs)), U * U * (inputs + 4));

    /// <summary>
    /// As <see cref="MatMul"/>, with factors that are rounded themselves: a weight by u of at most 1, which counts as one more rounding of
    /// each product. With 4-bit codes
    /// and rounded activations a group is two sums, s Σ q x and m Σ x, whose terms are up to 2 and 1 where the weight itself is within 1:
    /// three times the roundings.
    /// </summary>
    public static Tolerance MatMulQuantized(int inputs) =>
        new(4 * U * (inputs + 1), 4 * U * (2 + Math.Sqrt(inputs)), 16 * U * U * (inputs + 4));

    /// <summary>scale · code + minimum in one rounding, within ±1.</summary>
    public static Tolerance Dequantized => Uniform(U, 0);

    /// <summary>A mean of n weights in ±1 with positive factors that add up to 1: a rounding for each term, and two of the scale.</summary>
    public static Tolerance EmbedMixture(int terms) => Uniform(U * (terms + 2), 0);

    /// <summary>
    /// The sum of n squares has terms of one sign, so its relative error is a random walk of √n roundings, halved by the root; five
    /// roundings follow.
    /// </summary>
    public static Tolerance RmsNorm(int width) => Uniform(0, (5 + Math.Sqrt(width)) * U);

    /// <summary>
    /// As <see cref="RmsNorm"/>, but the mean is subtracted first: its error, and the rounding of x, count relative to the deviation.
    /// </summary>
    public static Tolerance LayerNorm(int width, double meanOverDeviation) =>
        Uniform((6 + Math.Sqrt(width)) * U * 2 * (2 + meanOverDeviation), (6 + Math.Sqrt(width)) * U);

    /// <summary>a cos - b sin: two products and a difference, each off by u of at most 1, 1 and 2.</summary>
    public static Tolerance Rope => Uniform(4 * U, 0);

    /// <summary>x + s d in two roundings, |s d| up to 2 and the sum up to 3.</summary>
    public static Tolerance Add => Uniform(5 * U, 0);

    /// <summary>
    /// x / (1 + e^-cx) is as exact as e^x and three more operations; x (1 + tanh or erf) / 2 cancels for negative x, so the error of tanh
    /// or erf
    /// counts times |x| / 2, and only up to |x| = 6, where both have reached ±1; their argument is off by 4 u, which tanh' and erf' bound
    /// by 2 u more.
    /// The gate multiplies by at most 1. Results below 10⁻³⁶ may be zero.
    /// </summary>
    public static Tolerance Activation => Uniform(6.0 / 2 * (Math.Max(Tanh, Erf) + 2 * U), Exp + 5 * U);

    /// <summary>c · tanh(x / c): the error of tanh times c, and three roundings.</summary>
    public static Tolerance SoftCap(double cap) => Uniform(cap * Tanh, 4 * U);

    /// <summary>
    /// e^(x - max) twice (once in the sum), and x - max is rounded by u |x - max|: for a result above 10⁻¹² that is 28 u at most. Smaller
    /// results count absolutely.
    /// A sum of n terms of one sign adds √n u.
    /// </summary>
    public static Tolerance Softmax(int width) => Uniform(1e-12, 2 * Exp + (30 + Math.Sqrt(width)) * U);

    /// <summary>
    /// A score is a sum of headDim products scaled by 1 / √headDim, hence off by at most about 2 u √headDim times the size of the queries,
    /// and by
    /// softCap · tanh's error more. Weights e^s are off by that, relative to each other, plus e^x's own error; the result is a mean of
    /// values in ±1,
    /// so it is off by twice that, plus the roundings of the mean and of the merges of blocks of 64: 16 u.
    /// </summary>
    public static Tolerance Attention(int headDim, double querySize, double softCap) =>
        Uniform(2 * (2 * U * Math.Sqrt(headDim) * querySize + softCap * (Tanh + 2 * U) + Exp) + 16 * U, 0);

    /// <summary>
    /// As <see cref="Attention"/>, with queries of ±2 and keys of up to 30: a score is the sum of four parts that are each as large as
    /// itself, and codes of 8 bits times a scale round like numbers 256 times as large as what they differ by. Values reach ±4.
    /// </summary>
    public static Tolerance AttendBlocks(int headDim, double softCap) =>
        Uniform(4 * (2 * U * Math.Sqrt(headDim) * 2 * 30 * 4 + softCap * (Tanh + 2 * U) + Exp) + 16 * U, 0);

    /// <summary>A sum of n terms in ±1 in log n steps, over √n: each step rounds what is at most √n times as large.</summary>
    public static Tolerance Rotate(int length) => Uniform(U * (2 + Math.Log2(length)) * Math.Sqrt(length), 2 * U);

    /// <summary>The reciprocal of the sum, and a product.</summary>
    public static Tolerance MergeBlocks => Uniform(0, 2 * U);

    private static Tolerance Uniform(double absolute, double relative) =>
        new(absolute + 1e-36, relative, Math.Pow(Math.Max(4 * absolute, 2 * relative), 2));
}
