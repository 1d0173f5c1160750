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
internal sealed class Int8Generator
{
    private static readonly AssemblerRegisterZMM[] AllRegisters =
    [
        zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm16, zmm17, zmm18, zmm19, zmm20, zmm21, zmm22, zmm23, zmm24, zmm25, zmm26, zmm27, zmm28, zmm29,
        zmm30, zmm31, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11, zmm12, zmm13, zmm14, zmm15,
    ];
    private static readonly AssemblerRegisterXMM[] SavedOnWindows = [xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15];
    private static readonly AssemblerRegister64[] Saved = [rbx, rsi, rdi, r12, r13, r14, r15];
    private const int FreeOnWindows = 22;

    // where things are
    private static readonly AssemblerRegister64 X = rdx, Scales = r8, Sums = r9, Weights = r10, Parameters = r11;
    private static readonly AssemblerRegister64 PanelBytes = rcx, PanelBytes3 = rsi, Groups = rax, Ahead = rbx, Jump = r12, JumpAt = r13;
    private static readonly AssemblerRegister64 Y = r14, YBytes = r15, Tile = rdi, AheadStep = rdi;

    private readonly Assembler _asm;
    private readonly MatrixFormat _format;
    private readonly int _rows, _panels;
    private readonly bool _windows, _sharesX;
    private readonly AssemblerRegisterZMM[] _ints, _floats, _weights;
    private readonly AssemblerRegisterZMM _x, _mask;
    private int _used;

    private Int8Generator(Assembler asm, MatrixFormat format, int rows, int panels, bool windows)
    {
        (_asm, _format, _rows, _panels, _windows) = (asm, format, rows, panels, windows);
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
        return 2 * rows * panels + WeightRegisters(format, rows, panels) + others <= AllRegisters.Length;
    }

    /// <summary>Whether a broadcast of x serves several panels.</summary>
    private static bool SharesX(int rows, int panels) => rows > 3 && panels > 1;

    private static int WeightRegisters(MatrixFormat format, int rows, int panels) =>
        (format == MatrixFormat.Q4 ? 2 : 1) * (SharesX(rows, panels) ? panels : 1);

    /// <summary>Writes a function that takes a pointer to an <see cref="Int8Tile"/>.</summary>
    internal static void Write(Assembler asm, MatrixFormat format, int rows, int panels, bool windows) =>
        new Int8Generator(asm, format, rows, panels, windows).Write();

    private bool IsQ4 => _format == MatrixFormat.Q4;
    private int CodeBytes => IsQ4 ? PanelLayout.Q4CodeBytes : PanelLayout.Q8CodeBytes;
    private int ParameterBytes => IsQ4 ? PanelLayout.Q4ParameterBytes : PanelLayout.Q8ParameterBytes;

    private AssemblerRegisterZMM[] Take(int count)
    {
        var taken = AllRegisters[_used..(_used + count)];
        _used += count;
        return taken;
    }

    private void Write()
    {
        Enter();
        var loop = _asm.CreateLabel();
        _asm.Label(ref loop);
        BeginGroup();
        MoveAhead();
        for (var word = 0; word < CodeBytes / PanelLayout.WordBytes; word++) Word(word);
        EndGroup();
        Next();
        _asm.dec(Groups);
        _asm.jnz(loop);
        Store();
        Leave();
    }

    /// <summary>Saves what the caller keeps in registers, loads the tile's fields, and begins the sums with zeros.</summary>
    private void Enter()
    {
        foreach (var register in Saved) _asm.push(register);
        if (_windows)
        {
            _asm.sub(rsp, 16 * SavedOnWindows.Length);
            for (var i = 0; i < _used - FreeOnWindows; i++) _asm.vmovups(__xmmword_ptr[rsp + 16 * i], SavedOnWindows[i]);
            _asm.mov(Tile, rcx);
        }
        if (IsQ4)
        {
            _asm.mov(eax, 0x0f0f0f0f);
            _asm.vpbroadcastd(_mask, eax);
        }
        // The last takes the place of the pointer that they are read by.
        AssemblerRegister64[] fields = [X, Scales, Sums, Weights, Parameters, PanelBytes, Groups, Ahead, JumpAt, Jump, Y, YBytes, AheadStep];
        for (var i = 0; i < fields.Length; i++) _asm.mov(fields[i], __qword_ptr[Tile + 8 * i]);
        _asm.lea(PanelBytes3, __[PanelBytes + PanelBytes * 2]);
        foreach (var sum in _floats) _asm.vpxord(sum, sum, sum);
    }

    /// <summary>Integer sums begin with 0 (Q4) or with what takes the 128 off every code (Q8).</summary>
    private void BeginGroup()
    {
        for (var row = 0; row < _rows; row++)
        {
            for (var panel = 0; panel < _panels; panel++)
            {
                var sum = Int(row, panel);
                if (IsQ4) _asm.vpxord(sum, sum, sum);
                else if (panel == 0) _asm.vpbroadcastd(sum, __dword_ptr[Sums + 4 * row]);
                else _asm.vmovdqa32(sum, Int(row, 0));
            }
        }
    }

    /// <summary>Near the panels' end, what is asked for moves on to the panels after them.</summary>
    private void MoveAhead()
    {
        var stay = _asm.CreateLabel();
        _asm.cmp(Groups, JumpAt);
        _asm.jne(stay);
        _asm.add(Ahead, Jump);
        _asm.Label(ref stay);
    }

    /// <summary>64 bytes of codes of each panel, times the rows: 4 inputs (Q8), or 8 (Q4), whose lower halves come first.</summary>
    private void Word(int word)
    {
        var at = PanelLayout.WordBytes * word;
        for (var panel = 0; panel < _panels; panel++) _asm.prefetcht0(__[Panel(Ahead, panel) + at]);
        if (!_sharesX)
        {
            for (var panel = 0; panel < _panels; panel++)
            {
                Load(panel, 0, at);
                for (var half = 0; half < Halves; half++)
                {
                    for (var row = 0; row < _rows; row++) _asm.vpdpbusd(Int(row, panel), Codes(0, half), __dword_bcst[XAt(word, half, row)]);
                }
            }
            return;
        }
        for (var panel = 0; panel < _panels; panel++) Load(panel, panel, at);
        for (var half = 0; half < Halves; half++)
        {
            for (var row = 0; row < _rows; row++)
            {
                _asm.vpbroadcastd(_x, __dword_ptr[XAt(word, half, row)]);
                for (var panel = 0; panel < _panels; panel++) _asm.vpdpbusd(Int(row, panel), Codes(panel, half), _x);
            }
        }
    }

    /// <summary>Codes of a panel's word, one to a byte.</summary>
    private void Load(int panel, int slot, int at)
    {
        _asm.vmovdqu32(Codes(slot, 0), __zmmword_ptr[Panel(Weights, panel) + at]);
        if (!IsQ4) return;
        _asm.vpsrld(Codes(slot, 1), Codes(slot, 0), 4);
        _asm.vpandd(Codes(slot, 0), Codes(slot, 0), _mask);
        _asm.vpandd(Codes(slot, 1), Codes(slot, 1), _mask);
    }

    /// <summary>F32 sum + integer sum · (s_w s_x), for Q4 + m_w · (s_x Σ q_x): the registers of codes are free for scales and minima.</summary>
    private void EndGroup()
    {
        for (var panel = 0; panel < _panels; panel++)
        {
            var slot = _sharesX ? panel : 0;
            _asm.vcvtph2ps(Codes(slot, 0), __ymmword_ptr[Panel(Parameters, panel)]);
            if (IsQ4) _asm.vcvtph2ps(Codes(slot, 1), __ymmword_ptr[Panel(Parameters, panel) + 2 * PanelLayout.Width]);
            for (var row = 0; row < _rows; row++)
            {
                _asm.vcvtdq2ps(Int(row, panel), Int(row, panel));
                _asm.vmulps(_x, Codes(slot, 0), __dword_bcst[Scales + 4 * row]);
                _asm.vfmadd231ps(Float(row, panel), Int(row, panel), _x);
                if (IsQ4) _asm.vfmadd231ps(Float(row, panel), Codes(slot, 1), __dword_bcst[Sums + 4 * row]);
            }
        }
    }

    private void Next()
    {
        _asm.add(X, PanelLayout.Group * _rows);
        _asm.add(Scales, 4 * _rows);
        _asm.add(Sums, 4 * _rows);
        _asm.add(Weights, CodeBytes);
        _asm.add(Ahead, AheadStep);
        _asm.add(Parameters, ParameterBytes);
    }

    private void Store()
    {
        for (var row = 0; row < _rows; row++)
        {
            for (var panel = 0; panel < _panels; panel++) _asm.vmovups(__zmmword_ptr[Y + 64 * panel], Float(row, panel));
            if (row < _rows - 1) _asm.add(Y, YBytes);
        }
    }

    private void Leave()
    {
        if (_windows)
        {
            for (var i = 0; i < _used - FreeOnWindows; i++) _asm.vmovups(SavedOnWindows[i], __xmmword_ptr[rsp + 16 * i]);
            _asm.add(rsp, 16 * SavedOnWindows.Length);
        }
        _asm.vzeroupper();
        for (var i = Saved.Length - 1; i >= 0; i--) _asm.pop(Saved[i]);
        _asm.ret();
    }

    private int Halves => IsQ4 ? 2 : 1;
    private AssemblerRegisterZMM Int(int row, int panel) => _ints[row * _panels + panel];
    private AssemblerRegisterZMM Float(int row, int panel) => _floats[row * _panels + panel];
    private AssemblerRegisterZMM Codes(int slot, int half) => _weights[slot * Halves + half];

    /// <summary>Four codes of a row's activations.</summary>
    private AssemblerMemoryOperand XAt(int word, int half, int row) => X + 4 * ((word * Halves + half) * _rows + row);

    /// <summary>What <paramref name="first"/> is for the first panel, for panel 0 … 3.</summary>
    private static AssemblerMemoryOperand Panel(AssemblerRegister64 first, int panel) => panel switch
    {
        0 => first + 0,
        1 => first + PanelBytes,
        2 => first + PanelBytes * 2,
        _ => first + PanelBytes3,
    };
}
