using System.Diagnostics;
using Coppice.Kernels.Assembled;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Coppice.Bench.Tiles;

/// <summary>How many products one thread can do with an instruction: a loop of independent sums in registers.</summary>
internal static unsafe class InstructionPeak
{
    private const int Chains = 24;
    private const long Rounds = 1 << 22;

    /// <summary>10⁹ multiply-adds in a second with 512-bit `vfmadd231ps`; 0 where the processor does not have it.</summary>
    public static double Fma() => CpuFeatures.HasAvx512 ? Measure(16, static (asm, sum) => asm.vfmadd231ps(sum, zmm30, zmm31)) : 0;

    /// <summary>The same with `vdpbf16ps`.</summary>
    public static double BF16() => CpuFeatures.HasBF16Dot512 ? Measure(32, static (asm, sum) => asm.vdpbf16ps(sum, zmm30, zmm31)) : 0;

    /// <summary>The same with `vpdpbusd`.</summary>
    public static double Int8() => CpuFeatures.HasVnni512 ? Measure(64, static (asm, sum) => asm.vpdpbusd(sum, zmm30, zmm31)) : 0;

    private static AssemblerRegisterZMM[] Sums =>
    [
        zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11, zmm12, zmm13, zmm14, zmm15, zmm16, zmm17, zmm18, zmm19,
        zmm20, zmm21, zmm22, zmm23,
    ];

    private static double Measure(int products, Action<Assembler, AssemblerRegisterZMM> multiply)
    {
        if (OperatingSystem.IsWindows()) return 0;      // the loop keeps none of the registers that Windows wants kept
        var asm = new Assembler(64);
        foreach (var sum in (AssemblerRegisterZMM[])[.. Sums, zmm30, zmm31]) asm.vpxord(sum, sum, sum);
        asm.mov(rax, Rounds);
        var loop = asm.CreateLabel();
        asm.Label(ref loop);
        foreach (var sum in Sums) multiply(asm, sum);
        asm.dec(rax);
        asm.jnz(loop);
        asm.vzeroupper();
        asm.ret();
        using var code = new MemoryStream();
        asm.Assemble(new StreamCodeWriter(code), 0);
        var function = (delegate* unmanaged<void>)ExecutableMemory.Map(code.ToArray());
        if (function is null) return 0;
        var best = double.MaxValue;
        for (var round = 0; round < 5; round++)
        {
            var start = Stopwatch.GetTimestamp();
            function();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return (double)Chains * products * Rounds / best / 1e9;
    }
}
