using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;

namespace Coppice.Kernels.Assembled;

/// <summary>What a processor has that .NET has no intrinsics for.</summary>
internal static class CpuFeatures
{
    /// <summary>512-bit registers as .NET may use them, on x86-64.</summary>
    internal static bool HasAvx512 { get; } = RuntimeInformation.ProcessArchitecture == Architecture.X64 && Avx512BW.IsSupported;

    /// <summary>Four products of bytes, added to 32 bits in each lane of a 512-bit register (AVX512_VNNI), on x86-64.</summary>
    internal static bool HasVnni512 { get; } = Has(leaf: 7, subLeaf: 0, registers => registers.Ecx, bit: 11);

    /// <summary>Two products of BF16, added to F32 in each lane of a 512-bit register (AVX512_BF16), on x86-64.</summary>
    internal static bool HasBF16Dot512 { get; } = Has(leaf: 7, subLeaf: 1, registers => registers.Eax, bit: 5);

    /// <summary>Brand and signature of an x86 processor; elsewhere the architecture.</summary>
    internal static string Id { get; } = X86Base.IsSupported
        ? $"{Brand()}, {X86Base.CpuId(1, 0).Eax:x8}" : RuntimeInformation.ProcessArchitecture.ToString();

    /// <summary>The 48 bytes of leaves 0x80000002 … 4.</summary>
    private static string Brand()
    {
        if ((uint)X86Base.CpuId(unchecked((int)0x80000000), 0).Eax < 0x80000004) return "";
        Span<int> words = stackalloc int[12];
        for (var leaf = 0; leaf < 3; leaf++)
            (words[4 * leaf], words[4 * leaf + 1], words[4 * leaf + 2], words[4 * leaf + 3]) =
                X86Base.CpuId(unchecked((int)0x80000002 + leaf), 0);
        return Encoding.ASCII.GetString(MemoryMarshal.AsBytes(words)).Trim('\0', ' ');
    }

    /// <summary>Whether 512-bit registers may be used and a bit of a CPUID leaf is set.</summary>
    private static bool Has(int leaf, int subLeaf, Func<(int Eax, int Ebx, int Ecx, int Edx), int> register, int bit)
    {
        if (!HasAvx512 || !X86Base.IsSupported) return false;
        if (X86Base.CpuId(0, 0).Eax < leaf) return false;
        return (register(X86Base.CpuId(leaf, subLeaf)) >> bit & 1) != 0;
    }
}
