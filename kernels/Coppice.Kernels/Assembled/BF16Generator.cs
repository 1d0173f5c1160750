using Coppice.Kernels.Simd;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Coppice.Kernels.Assembled;

/// <summary>
/// Writes the machine code of a tile of BF16 rows by panels of BF16 weights: `vdpbf16ps` on 512 bits, 32 products in an instruction, added
/// to F32 sums.
/// </summary>
/// <remarks>
/// Every sum is one chain over pairs of k ascending, in every tile, so an element of y has the same bits for every number of rows. Within
/// a pair the instruction adds the product of the odd k first; it takes subnormal numbers as zeros and rounds to nearest even.
/// Sums stay in rows · panels of 32 registers; those of a block of k continue from y. From four rows on a broadcast of x serves all panels.
/// </remarks>
internal sealed class BF16Generator : TileGenerator
{
    private static readonly AssemblerRegister64 X = rdx, Weights = r10, PanelBytes = rcx, PanelBytes3 = rsi, Pairs = rax, Ahead = rbx;
    private static readonly AssemblerRegister64 JumpAt = r13, Jump = r12, Y = r14, YBytes = r15, Continues = r8, AheadStep = Argument;
    private static readonly AssemblerRegister64 Line = r9;

    private readonly bool _sharesX;
    private readonly AssemblerRegisterZMM[] _sums, _weights;
    private readonly AssemblerRegisterZMM _x;

    internal BF16Generator(Assembler asm, int rows, int panels, bool windows) : base(asm, rows, panels, windows)
    {
        _sharesX = SharesX(rows, panels);
        _sums = Take(rows * panels);
        _weights = Take(_sharesX ? panels : 1);
        if (_sharesX) _x = Take(1)[0];
    }

    /// <summary>Whether a tile fits the registers.</summary>
    internal static bool Fits(int rows, int panels) => rows * panels + (SharesX(rows, panels) ? panels + 1 : 1) <= Registers;

    /// <summary>Writes a function that takes a pointer to a <see cref="BF16Tile"/>.</summary>
    internal override void Write()
    {
        Enter([X, Weights, PanelBytes, Pairs, Ahead, JumpAt, Jump, Y, YBytes, Continues, AheadStep]);
        Asm.lea(PanelBytes3, __[PanelBytes + PanelBytes * 2]);
        var loop = Asm.CreateLabel();
        Begin(loop);
        Asm.Label(ref loop);
        AddWhere(Pairs, JumpAt, Ahead, Jump);       // near the panels' end, what is asked for moves on to the next ones
        Pair();
        Asm.add(X, 4 * Rows);
        Asm.add(Weights, PanelLayout.WordBytes);
        Asm.add(Ahead, AheadStep);
        Asm.dec(Pairs);
        Asm.jnz(loop);
        EachSum((sum, y) => Asm.vmovups(y, sum));
        Leave();
    }

    /// <summary>Sums begin with zeros, or with those of the inputs before.</summary>
    private void Begin(Label loop)
    {
        foreach (var sum in _sums) Asm.vpxord(sum, sum, sum);
        Asm.test(Continues, Continues);
        Asm.jz(loop);
        EachSum((sum, y) => Asm.vmovups(sum, y));
    }

    /// <summary>Two inputs of every panel times the rows.</summary>
    private void Pair()
    {
        for (var panel = 0; panel < Panels; panel++) Asm.prefetcht0(__byte_ptr[Panel(Ahead, panel)]);
        if (!_sharesX)
        {
            for (var panel = 0; panel < Panels; panel++)
            {
                Asm.vmovdqu32(_weights[0], __zmmword_ptr[Panel(Weights, panel)]);
                for (var row = 0; row < Rows; row++) Asm.vdpbf16ps(Sum(row, panel), _weights[0], __dword_bcst[X + 4 * row]);
            }
            return;
        }
        for (var panel = 0; panel < Panels; panel++) Asm.vmovdqu32(_weights[panel], __zmmword_ptr[Panel(Weights, panel)]);
        for (var row = 0; row < Rows; row++)
        {
            Asm.vpbroadcastd(_x, __dword_ptr[X + 4 * row]);
            for (var panel = 0; panel < Panels; panel++) Asm.vdpbf16ps(Sum(row, panel), _weights[panel], _x);
        }
    }

    /// <summary>Moves every sum from or to its place in y.</summary>
    private void EachSum(Action<AssemblerRegisterZMM, AssemblerMemoryOperand> move)
    {
        Asm.mov(Line, Y);
        for (var row = 0; row < Rows; row++)
        {
            for (var panel = 0; panel < Panels; panel++) move(Sum(row, panel), __zmmword_ptr[Line + 64 * panel]);
            if (row < Rows - 1) Asm.add(Line, YBytes);
        }
    }

    private AssemblerRegisterZMM Sum(int row, int panel) => _sums[row * Panels + panel];

    private static AssemblerMemoryOperand Panel(AssemblerRegister64 first, int panel) => PanelAt(first, PanelBytes, PanelBytes3, panel);
}
