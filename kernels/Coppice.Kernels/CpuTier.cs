namespace Coppice.Kernels;

/// <summary>
/// Which vector registers the CPU back end computes with. All tiers give equal bits, except products with
/// <see cref="ActivationFormat.BF16"/>.
/// </summary>
public enum CpuTier
{
    /// <summary>128-bit vectors, in software where the processor has none.</summary>
    Portable,
    /// <summary>256-bit vectors with fused multiply-add.</summary>
    Avx2,
    /// <summary>512-bit vectors.</summary>
    Avx512,
    /// <summary>
    /// 512-bit vectors, and machine code assembled at run time where the processor has what .NET has no intrinsics for: products of bytes
    /// (AVX512_VNNI), of BF16 (AVX512_BF16), and attention over keys and values in F16.
    /// </summary>
    Assembled,
}
