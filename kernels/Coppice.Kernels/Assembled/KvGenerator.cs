using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Coppice.Kernels.Assembled;

/// <summary>
/// Writes the machine code of a tile of attention: queries by the 64 keys of a page, or weights by values. One instruction widens 16 F16
/// (`vcvtph2ps`), for which .NET has no intrinsic and needs four.
/// </summary>
/// <remarks>
/// Sums stay in rows · panels of 32 registers, each one chain of fused multiply-adds over k ascending: the bits of the tiles in C#.
/// </remarks>
internal sealed class KvGenerator : TileGenerator
{
    private static readonly AssemblerRegister64[] A = [rdx, r8, r9, r10, r11, rcx];
    private static readonly AssemblerRegister64 B = rsi, Step = r12, Count = rax, Ahead = rbx, AheadStep = r13, Index = r14, Place = r15;

    private readonly TileKind _kind;
    private readonly AssemblerRegisterZMM[] _sums, _b;
    private readonly AssemblerRegisterZMM _a;

    internal KvGenerator(Assembler asm, TileKind kind, int rows, int panels, bool windows) : base(asm, rows, panels, windows)
    {
        _kind = kind;
        _sums = Take(rows * panels);
        _b = Take(panels);
        _a = Take(1)[0];
    }

    /// <summary>Whether a tile fits the registers.</summary>
    internal static bool Fits(int rows, int panels) => rows * panels + panels + 1 <= Registers;

    private int ElementBytes => _kind == TileKind.KvF32 ? 4 : 2;

    /// <summary>Writes a function that takes a pointer to a <see cref="KvTile"/>.</summary>
    internal override void Write()
    {
        Enter(A.AsSpan(0, Rows));
        Asm.mov(B, __qword_ptr[Argument + KvTile.Offsets.B]);
        Asm.mov(Step, __qword_ptr[Argument + KvTile.Offsets.Step]);
        Asm.mov(Count, __qword_ptr[Argument + KvTile.Offsets.Count]);
        Asm.mov(Ahead, __qword_ptr[Argument + KvTile.Offsets.Ahead]);
        Asm.mov(AheadStep, __qword_ptr[Argument + KvTile.Offsets.AheadStep]);
        var loop = Asm.CreateLabel();
        Begin(loop);
        Asm.Label(ref loop);
        for (var line = 0; line < Panels * 16 * ElementBytes; line += 64) Asm.prefetcht0(__byte_ptr[Ahead + line]);
        for (var panel = 0; panel < Panels; panel++) Load(_b[panel], B + panel * 16 * ElementBytes);
        for (var row = 0; row < Rows; row++)
        {
            Asm.vbroadcastss(_a, __dword_ptr[A[row] + Index * 4]);
            for (var panel = 0; panel < Panels; panel++) Asm.vfmadd231ps(Sum(row, panel), _b[panel], _a);
        }
        Asm.add(B, Step);
        Asm.add(Ahead, AheadStep);
        Asm.inc(Index);
        Asm.cmp(Index, Count);
        Asm.jb(loop);
        EachSum((sum, c) => Asm.vmovups(c, sum));
        Leave();
    }

    /// <summary>Sums begin with zeros, or with what c holds.</summary>
    private void Begin(Label loop)
    {
        Asm.xor(r14d, r14d);        // Index
        foreach (var sum in _sums) Asm.vpxord(sum, sum, sum);
        Asm.cmp(__qword_ptr[Argument + KvTile.Offsets.Continues], 0);
        Asm.je(loop);
        EachSum((sum, c) => Asm.vmovups(sum, c));
    }

    /// <summary>16 elements, widened exactly.</summary>
    private void Load(AssemblerRegisterZMM register, AssemblerMemoryOperand from)
    {
        switch (_kind)
        {
            case TileKind.KvF32:
                Asm.vmovups(register, __zmmword_ptr[from]);
                break;
            case TileKind.KvF16:
                Asm.vcvtph2ps(register, __ymmword_ptr[from]);
                break;
            default:
                Asm.vpmovzxwd(register, __ymmword_ptr[from]);
                Asm.vpslld(register, register, 16);
                break;
        }
    }

    /// <summary>Moves every sum from or to its place in c.</summary>
    private void EachSum(Action<AssemblerRegisterZMM, AssemblerMemoryOperand> move)
    {
        for (var row = 0; row < Rows; row++)
        {
            Asm.mov(Place, __qword_ptr[Argument + KvTile.Offsets.C + 8 * row]);
            for (var panel = 0; panel < Panels; panel++) move(Sum(row, panel), __zmmword_ptr[Place + 64 * panel]);
        }
    }

    private AssemblerRegisterZMM Sum(int row, int panel) => _sums[row * Panels + panel];
}
