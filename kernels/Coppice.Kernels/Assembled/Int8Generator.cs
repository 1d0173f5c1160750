using Coppice.Kernels.Simd;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Coppice.Kernels.Assembled;

/// <summary>
/// Writes the machine code of a tile of Int8 rows by panels of Q8 or Q4 codes: `vpdpbusd` on 512 bits, 64 products of bytes in an
/// instruction.
/// </summary>
/// <remarks>
/// It multiplies unsigned by signed bytes: weights are q + 128 (Q8) or 0 … 15 (Q4), activations signed. The 128 too many of Q8 are taken
/// off by beginning a group's integer sums with -128 · Σ x. Integer sums are exact and the F32 part has the order of the tiles in C#, so
/// both give equal bits.
/// Both sums of an element stay in registers, 2 · rows · panels of 32. From four rows on a broadcast of x serves all panels; fewer rows
/// by more panels, which ask for more lines of weights at a time, take x from memory with each product.
/// </remarks>
internal sealed class Int8Generator : TileGenerator
{
    // where things are
    private static readonly AssemblerRegister64 X = rdx, Scales = r8, Sums = r9, Weights = r10, Parameters = r11;
    private static readonly AssemblerRegister64 PanelBytes = rcx, PanelBytes3 = rsi, Groups = rax, Ahead = rbx, Jump = r12, JumpAt = r13;
    private static readonly AssemblerRegister64 Y = r14, YBytes = r15, AheadStep = Argument;

    private readonly MatrixFormat _format;
    private readonly bool _sharesX;
    private readonly AssemblerRegisterZMM[] _ints, _floats, _weights;
    private readonly AssemblerRegisterZMM _x, _mask;

    internal Int8Generator(Assembler asm, MatrixFormat format, int rows, int panels, bool windows) : base(asm, rows, panels, windows)
    {
        _format = format;
        _sharesX = SharesX(rows, panels);
        _ints = Take(rows * panels);
        _floats = Take(rows * panels);
        _weights = Take(WeightRegisters(format, rows, panels));
        _x = Take(1)[0];
        _mask = IsQ4 ? Take(1)[0] : default;
    }

    /// <summary>Whether a tile fits the registers.</summary>
    internal static bool Fits(MatrixFormat format, int rows, int panels)
    {
        var others = format == MatrixFormat.Q4 ? 2 : 1;     // x, and the mask of Q4
        return 2 * rows * panels + WeightRegisters(format, rows, panels) + others <= Registers;
    }

    private static int WeightRegisters(MatrixFormat format, int rows, int panels) =>
        (format == MatrixFormat.Q4 ? 2 : 1) * (SharesX(rows, panels) ? panels : 1);

    private bool IsQ4 => _format == MatrixFormat.Q4;
    private int CodeBytes => IsQ4 ? PanelLayout.Q4CodeBytes : PanelLayout.Q8CodeBytes;
    private int ParameterBytes => IsQ4 ? PanelLayout.Q4ParameterBytes : PanelLayout.Q8ParameterBytes;

    /// <summary>Writes a function that takes a pointer to an <see cref="Int8Tile"/>.</summary>
    internal override void Write()
    {
        Enter();
        var loop = Asm.CreateLabel();
        Asm.Label(ref loop);
        BeginGroup();
        AddWhere(Groups, JumpAt, Ahead, Jump);      // near the panels' end, what is asked for moves on to the next ones
        for (var word = 0; word < CodeBytes / PanelLayout.WordBytes; word++) Word(word);
        EndGroup();
        Next();
        Asm.dec(Groups);
        Asm.jnz(loop);
        Store();
        Leave();
    }

    /// <summary>Loads the tile's fields, and begins the sums with zeros.</summary>
    private void Enter()
    {
        Enter([X, Scales, Sums, Weights, Parameters, PanelBytes, Groups, Ahead, JumpAt, Jump, Y, YBytes, AheadStep]);
        if (IsQ4)
        {
            Asm.mov(PanelBytes3, 0x0f0f0f0f);
            Asm.vpbroadcastd(_mask, esi);       // its lower half
        }
        Asm.lea(PanelBytes3, __[PanelBytes + PanelBytes * 2]);
        foreach (var sum in _floats) Asm.vpxord(sum, sum, sum);
    }

    /// <summary>Integer sums begin with 0 (Q4) or with what takes the 128 off every code (Q8).</summary>
    private void BeginGroup()
    {
        for (var row = 0; row < Rows; row++)
        {
            for (var panel = 0; panel < Panels; panel++)
            {
                var sum = Int(row, panel);
                if (IsQ4) Asm.vpxord(sum, sum, sum);
                else if (panel == 0) Asm.vpbroadcastd(sum, __dword_ptr[Sums + 4 * row]);
                else Asm.vmovdqa32(sum, Int(row, 0));
            }
        }
    }

    /// <summary>64 bytes of codes of each panel, times the rows: 4 inputs (Q8), or 8 (Q4), whose lower halves come first.</summary>
    private void Word(int word)
    {
        var at = PanelLayout.WordBytes * word;
        for (var panel = 0; panel < Panels; panel++) Asm.prefetcht0(__[Panel(Ahead, panel) + at]);
        if (!_sharesX)
        {
            for (var panel = 0; panel < Panels; panel++)
            {
                Load(panel, 0, at);
                for (var half = 0; half < Halves; half++)
                {
                    for (var row = 0; row < Rows; row++) Asm.vpdpbusd(Int(row, panel), Codes(0, half), __dword_bcst[XAt(word, half, row)]);
                }
            }
            return;
        }
        for (var panel = 0; panel < Panels; panel++) Load(panel, panel, at);
        for (var half = 0; half < Halves; half++)
        {
            for (var row = 0; row < Rows; row++)
            {
                Asm.vpbroadcastd(_x, __dword_ptr[XAt(word, half, row)]);
                for (var panel = 0; panel < Panels; panel++) Asm.vpdpbusd(Int(row, panel), Codes(panel, half), _x);
            }
        }
    }

    /// <summary>Codes of a panel's word, one to a byte.</summary>
    private void Load(int panel, int slot, int at)
    {
        Asm.vmovdqu32(Codes(slot, 0), __zmmword_ptr[Panel(Weights, panel) + at]);
        if (!IsQ4) return;
        Asm.vpsrld(Codes(slot, 1), Codes(slot, 0), 4);
        Asm.vpandd(Codes(slot, 0), Codes(slot, 0), _mask);
        Asm.vpandd(Codes(slot, 1), Codes(slot, 1), _mask);
    }

    /// <summary>
    /// F32 sum + integer sum · (s_w s_x), for Q4 + m_w · (s_x Σ q_x): the registers of codes are free for scales and minima.
    /// </summary>
    private void EndGroup()
    {
        for (var panel = 0; panel < Panels; panel++)
        {
            var slot = _sharesX ? panel : 0;
            Asm.vcvtph2ps(Codes(slot, 0), __ymmword_ptr[Panel(Parameters, panel)]);
            if (IsQ4) Asm.vcvtph2ps(Codes(slot, 1), __ymmword_ptr[Panel(Parameters, panel) + 2 * PanelLayout.Width]);
            for (var row = 0; row < Rows; row++)
            {
                Asm.vcvtdq2ps(Int(row, panel), Int(row, panel));
                Asm.vmulps(_x, Codes(slot, 0), __dword_bcst[Scales + 4 * row]);
                Asm.vfmadd231ps(Float(row, panel), Int(row, panel), _x);
                if (IsQ4) Asm.vfmadd231ps(Float(row, panel), Codes(slot, 1), __dword_bcst[Sums + 4 * row]);
            }
        }
    }

    private void Next()
    {
        Asm.add(X, PanelLayout.Group * Rows);
        Asm.add(Scales, 4 * Rows);
        Asm.add(Sums, 4 * Rows);
        Asm.add(Weights, CodeBytes);
        Asm.add(Ahead, AheadStep);
        Asm.add(Parameters, ParameterBytes);
    }

    private void Store()
    {
        for (var row = 0; row < Rows; row++)
        {
            for (var panel = 0; panel < Panels; panel++) Asm.vmovups(__zmmword_ptr[Y + 64 * panel], Float(row, panel));
            if (row < Rows - 1) Asm.add(Y, YBytes);
        }
    }

    private int Halves => IsQ4 ? 2 : 1;
    private AssemblerRegisterZMM Int(int row, int panel) => _ints[row * Panels + panel];
    private AssemblerRegisterZMM Float(int row, int panel) => _floats[row * Panels + panel];
    private AssemblerRegisterZMM Codes(int slot, int half) => _weights[slot * Halves + half];

    /// <summary>Four codes of a row's activations.</summary>
    private AssemblerMemoryOperand XAt(int word, int half, int row) => X + 4 * ((word * Halves + half) * Rows + row);

    private static AssemblerMemoryOperand Panel(AssemblerRegister64 first, int panel) => PanelAt(first, PanelBytes, PanelBytes3, panel);
}
