using System.Globalization;
using Coppice.Kernels.Assembled;
using Iced.Intel;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Coppice.Kernels.Tests.Assembled;

/// <summary>What a suite of products cannot see of assembled kernels: what they do to the caller, and where they lie.</summary>
public sealed unsafe class TileKernelTests
{
    private const int Steps = 3;        // groups of 32 inputs, or pairs

    public static TheoryData<string, int, int, bool> Shapes()
    {
        var shapes = new TheoryData<string, int, int, bool>();
        foreach (var kind in TileKinds.All)
        {
            foreach (var (rows, panels) in TileKernels.Shapes(kind))
            {
                shapes.Add(kind.ToString(), rows, panels, false);
                shapes.Add(kind.ToString(), rows, panels, true);
            }
        }
        return shapes;
    }

    /// <summary>Both conventions run here: a trampoline puts the argument where the kernel looks for it.</summary>
    [Theory, MemberData(nameof(Shapes))]
    public void A_kernel_leaves_the_callers_registers_as_they_were(string name, int rows, int panels, bool windows)
    {
        var kind = Enum.Parse<TileKind>(name);
        if (!kind.IsSupported()) Assert.Skip("this processor does not have the instructions");
        if (OperatingSystem.IsWindows()) Assert.Skip("the trampoline is for the convention of Linux and macOS");
        var kernel = ExecutableMemory.Map(TileKernels.Assemble(kind, rows, panels, windows));
        Assert.NotEqual(0, kernel);
        var trampoline = ExecutableMemory.Map(Trampoline(kernel, windows));
        var panelBytes = Steps * 600;
        byte[] weights = new byte[4 * panelBytes], x = new byte[Steps * 32 * rows];
        float[] scales = new float[Steps * rows], sums = new float[Steps * rows], y = new float[rows * panels * 16];
        fixed (byte* w = weights, px = x)
        fixed (float* ps = scales, pm = sums, py = y)
        {
            var int8 = new Int8Tile
            {
                X = (sbyte*)px,
                Scales = ps,
                Sums = pm,
                Weights = w,
                Parameters = w,
                PanelBytes = panelBytes,
                Groups = Steps,
                Ahead = w,
                JumpAt = 1,
                AheadStep = 64,
                Y = py,
                YBytes = panels * 64,
            };
            var bf16 = new BF16Tile
            {
                X = (ushort*)px,
                Weights = w,
                PanelBytes = panelBytes,
                Pairs = Steps,
                Ahead = w,
                JumpAt = 1,
                AheadStep = 64,
                Y = py,
                YBytes = panels * 64,
                Continues = rows % 2,
            };
            var kv = new KvTile { B = w, Step = 200, Count = Steps, Ahead = w, AheadStep = 64, Continues = rows % 2 };
            for (var row = 0; row < Math.Min(rows, KvTile.MostRows); row++)
                (kv.A[row], kv.C[row]) = ((nint)px, (nint)(py + row * panels * 16));
            var changed = ((delegate* unmanaged<void*, long>)trampoline)(kind.IsKv() ? &kv : kind == TileKind.BF16 ? &bf16 : &int8);
            Assert.True(changed == 0, $"changed registers: {changed.ToString("x", CultureInfo.InvariantCulture)}");
        }
    }

    [Fact]
    public void Machine_code_is_never_writable_and_executable_at_a_time()
    {
        if (!OperatingSystem.IsLinux() || !CpuFeatures.HasVnni512) Assert.Skip("read from /proc/self/maps");
        var address = ExecutableMemory.Map(TileKernels.Assemble(TileKind.Q8, 2, 4, windows: false));
        var line = File.ReadLines("/proc/self/maps").Single(map =>
        {
            var ends = map[..map.IndexOf(' ', StringComparison.Ordinal)].Split('-');
            return Hex(ends[0]) <= (ulong)address && (ulong)address < Hex(ends[1]);
        });
        Assert.Equal("r-xp", line.Split(' ')[1]);
    }

    [Fact]
    public void Every_height_up_to_the_largest_has_a_tile_of_one_and_of_two_panels()
    {
        foreach (var kind in TileKinds.All)
        {
            for (var rows = 1; rows <= kind.Rows(); rows++)
            {
                Assert.True(kind.Fits(rows, 1) && kind.Fits(rows, 2), $"{kind}, {rows} rows");
                Assert.Equal(rows <= (kind is TileKind.Q8 or TileKind.Q4 ? 3 : 6), kind.Fits(rows, 4));
            }
        }
    }

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    /// <summary>
    /// Fills what a callee must keep with patterns, calls <paramref name="kernel"/> and gives a bit for each that changed.
    /// </summary>
    private static byte[] Trampoline(nint kernel, bool windows)
    {
        var asm = new Assembler(64);
        AssemblerRegister64[] own = [rbx, rbp, r12, r13, r14, r15];
        AssemblerRegister64[] kept = windows ? [.. own, rsi, rdi] : own;
        AssemblerRegisterXMM[] vectors = windows ? [xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15] : [];
        foreach (var register in own) asm.push(register);
        asm.sub(rsp, 40);       // what Windows calls the home of four arguments, and aligned
        if (windows) asm.mov(rcx, rdi);
        for (var i = 0; i < kept.Length; i++) if (windows || kept[i] != rdi) asm.mov(kept[i], 0x1234_5678_9abc_0000 + i);
        asm.mov(rax, 0x0123_4567_89ab_cdef);
        foreach (var register in vectors)
        {
            asm.add(rax, 1);
            asm.vmovq(register, rax);
        }
        asm.mov(rax, kernel);
        asm.call(rax);
        asm.xor(r8d, r8d);
        for (var i = 0; i < kept.Length; i++) Check(asm, kept[i], 0x1234_5678_9abc_0000 + i, 1 << i);
        for (var i = 0; i < vectors.Length; i++)
        {
            asm.vmovq(rdx, vectors[i]);
            Check(asm, rdx, 0x0123_4567_89ab_cdef + i + 1, 1 << (10 + i));
        }
        asm.mov(rax, r8);
        asm.add(rsp, 40);
        for (var i = own.Length - 1; i >= 0; i--) asm.pop(own[i]);
        asm.ret();
        using var code = new MemoryStream();
        asm.Assemble(new StreamCodeWriter(code), 0);
        return code.ToArray();
    }

    private static void Check(Assembler asm, AssemblerRegister64 register, long expected, int bit)
    {
        var same = asm.CreateLabel();
        asm.mov(r9, expected);
        asm.cmp(register, r9);
        asm.je(same);
        asm.or(r8, bit);
        asm.Label(ref same);
    }
}
