using System.Diagnostics.CodeAnalysis;
using Coppice.Kernels.Numerics;

namespace Coppice.Kernels;

/// <summary>
/// How a weight matrix is kept. Arithmetic is F32 whatever the format, unless another <see cref="ActivationFormat"/> is asked for.
/// </summary>
public enum MatrixFormat
{
    /// <summary>IEEE binary32.</summary>
    F32,
    /// <summary>IEEE binary16; finite values only.</summary>
    F16,
    /// <summary>The upper half of a binary32.</summary>
    BF16,
    /// <summary>Groups of 32 along k for each output: w = scale · q, q in -127 … 127, scale F16. 8.5 bits a weight.</summary>
    Q8,
    /// <summary>Groups of 32 along k for each output: w = scale · q + minimum, q in 0 … 15, both F16. 5 bits a weight.</summary>
    Q4,
}

/// <summary>How a product reads its activations, the same for every number of rows.</summary>
[SuppressMessage("Naming", "CA1720", Justification = "The number format is what is meant.")]
public enum ActivationFormat
{
    /// <summary>As they are: the most exact.</summary>
    F32,
    /// <summary>
    /// Rounded for each row and group of 32 along k to q · scale, q in -127 … 127, scale = max |x| / 127; products of a group are summed
    /// exactly in integers.
    /// </summary>
    Int8,
    /// <summary>
    /// Rounded to BF16, nearest even, for weights in BF16: products are exact, sums F32. Processors with AVX512_BF16 multiply pairs of them
    /// in one instruction, which also takes subnormal numbers as zeros.
    /// </summary>
    BF16,
    /// <summary>For whoever loads a model: one of the others, as measured before. No product takes it.</summary>
    Auto,
}

/// <summary>What is known of matrix formats.</summary>
public static class MatrixFormatExtensions
{
    /// <summary>Whether products with weights in this format can read activations as <paramref name="activations"/>.</summary>
    public static bool Takes(this MatrixFormat format, ActivationFormat activations) => activations switch
    {
        ActivationFormat.F32 => true,
        ActivationFormat.BF16 => format == MatrixFormat.BF16,
        ActivationFormat.Int8 => format.IsQuantized(),
        _ => false,
    };

    /// <summary>Whether weights are kept as codes of groups.</summary>
    public static bool IsQuantized(this MatrixFormat format) => format is MatrixFormat.Q8 or MatrixFormat.Q4;

    /// <summary>Bytes of <paramref name="inputs"/> weights of one output, groups padded to whole ones.</summary>
    public static long RowBytes(this MatrixFormat format, int inputs) => format switch
    {
        MatrixFormat.F32 => 4L * inputs,
        MatrixFormat.F16 or MatrixFormat.BF16 => 2L * inputs,
        MatrixFormat.Q8 => Groups(inputs) * (QuantizedGroup.Size + 2L),
        _ => Groups(inputs) * (QuantizedGroup.Size / 2 + 4L),
    };

    private static int Groups(int inputs) => (inputs + QuantizedGroup.Size - 1) / QuantizedGroup.Size;

    /// <summary>The format that keeps elements of <paramref name="type"/> as they are.</summary>
    public static MatrixFormat ToMatrixFormat(this ElementType type) => type switch
    {
        ElementType.F32 => MatrixFormat.F32,
        ElementType.F16 => MatrixFormat.F16,
        ElementType.BF16 => MatrixFormat.BF16,
        _ => throw new ArgumentOutOfRangeException(nameof(type), $"weight: matrices are F32, F16 or BF16, got {type}."),
    };
}
