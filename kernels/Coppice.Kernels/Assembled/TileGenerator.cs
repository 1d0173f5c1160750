using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Coppice.Kernels.Assembled;

/// <summary>
/// What the generators of register tiles share: which registers there are, how a caller's are kept, how a panel is addressed. A tile is a
/// function of one pointer, to a struct of 64-bit fields, so that the conventions of Linux and Windows differ in one register.
/// </summary>
internal abstract class TileGenerator
{
    private static readonly AssemblerRegisterZMM[] AllRegisters =
    [
        zmm0, zmm1, zmm2, zmm3, zmm4, zmm5, zmm16, zmm17, zmm18, zmm19, zmm20, zmm21, zmm22, zmm23, zmm24, zmm25, zmm26, zmm27, zmm28,
        zmm29, zmm30, zmm31, zmm6, zmm7, zmm8, zmm9, zmm10, zmm11, zmm12, zmm13, zmm14, zmm15,
    ];
    private static readonly AssemblerRegisterXMM[] SavedOnWindows = [xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15];
    private static readonly AssemblerRegister64[] Saved = [rbx, rsi, rdi, r12, r13, r14, r15];
    private const int FreeOnWindows = 22;

    private readonly bool _windows;
    private int _used;

    protected TileGenerator(Assembler asm, int rows, int panels, bool windows) =>
        (Asm, Rows, Panels, _windows) = (asm, rows, panels, windows);

    /// <summary>Vector registers.</summary>
    protected const int Registers = 32;
    /// <summary>Where the argument is until <see cref="Enter"/> has read it.</summary>
    protected static AssemblerRegister64 Argument => rdi;

    protected Assembler Asm { get; }
    /// <summary>Rows of the tile.</summary>
    protected int Rows { get; }
    /// <summary>Panels of 16 outputs of the tile.</summary>
    protected int Panels { get; }

    /// <summary>Whether a broadcast of x serves several panels: fewer rows by more panels take x from memory with each product.</summary>
    protected static bool SharesX(int rows, int panels) => rows > 3 && panels > 1;

    /// <summary>Vector registers that are not taken yet.</summary>
    protected AssemblerRegisterZMM[] Take(int count)
    {
        var taken = AllRegisters[_used..(_used + count)];
        _used += count;
        return taken;
    }

    /// <summary>Writes the whole function.</summary>
    internal abstract void Write();

    /// <summary>
    /// Saves what the caller keeps in registers, then loads the argument's fields, in their order, into <paramref name="fields"/>.
    /// </summary>
    /// <remarks>The last may take the place of <see cref="Argument"/>, by which they are read.</remarks>
    protected void Enter(ReadOnlySpan<AssemblerRegister64> fields)
    {
        foreach (var register in Saved) Asm.push(register);
        if (_windows)
        {
            Asm.sub(rsp, 16 * SavedOnWindows.Length);
            for (var i = 0; i < _used - FreeOnWindows; i++) Asm.vmovups(__xmmword_ptr[rsp + 16 * i], SavedOnWindows[i]);
            Asm.mov(Argument, rcx);
        }
        for (var i = 0; i < fields.Length; i++) Asm.mov(fields[i], __qword_ptr[Argument + 8 * i]);
    }

    /// <summary>
    /// Adds <paramref name="step"/> to <paramref name="register"/> where <paramref name="count"/> is <paramref name="at"/>.
    /// </summary>
    protected void AddWhere(AssemblerRegister64 count, AssemblerRegister64 at, AssemblerRegister64 register, AssemblerRegister64 step)
    {
        var stay = Asm.CreateLabel();
        Asm.cmp(count, at);
        Asm.jne(stay);
        Asm.add(register, step);
        Asm.Label(ref stay);
    }

    /// <summary>Gives the caller its registers back and returns.</summary>
    protected void Leave()
    {
        if (_windows)
        {
            for (var i = 0; i < _used - FreeOnWindows; i++) Asm.vmovups(SavedOnWindows[i], __xmmword_ptr[rsp + 16 * i]);
            Asm.add(rsp, 16 * SavedOnWindows.Length);
        }
        Asm.vzeroupper();
        for (var i = Saved.Length - 1; i >= 0; i--) Asm.pop(Saved[i]);
        Asm.ret();
    }

    /// <summary>
    /// What <paramref name="first"/> is for the first panel, for panel 0 … 3; <paramref name="apart"/> and <paramref name="apart3"/> are
    /// one and three times the bytes of a panel.
    /// </summary>
    protected static AssemblerMemoryOperand PanelAt(
        AssemblerRegister64 first, AssemblerRegister64 apart, AssemblerRegister64 apart3, int panel) => panel switch
        {
            0 => first + 0,
            1 => first + apart,
            2 => first + apart * 2,
            _ => first + apart3,
        };
}
