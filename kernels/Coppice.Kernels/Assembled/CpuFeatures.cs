using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Coppice.Kernels.Assembled;

/// <summary>What a processor has that .NET has no intrinsics for.</summary>
internal static class CpuFeatures
{
    /// <summary>Four products of bytes, added to 32 bits in each lane of a 512-bit register (AVX512_VNNI), on x86-64.</summary>
    internal static bool HasVnni512 { get; } = Has(leaf: 7, subLeaf: 0, registers => registers.Ecx, bit: 11);

    /// <summary>Two products of BF16, added to F32 in each lane of a 512-bit register (AVX512_BF16), on x86-64.</summary>
    internal static bool HasBF16Dot512 { get; } = Has(leaf: 7, subLeaf: 1, registers => registers.Eax, bit: 5);

    /// <summary>Whether 512-bit registers may be used and a bit of a CPUID leaf is set.</summary>
    private static bool Has(int leaf, int subLeaf, Func<(int Eax, int Ebx, int Ecx, int Edx), int> register, int bit)
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64 || !Avx512BW.IsSupported || !X86Base.IsSupported) return false;
        if (X86Base.CpuId(0, 0).Eax < leaf) return false;
        return (register(X86Base.CpuId(leaf, subLeaf)) >> bit & 1) != 0;
    }
}
