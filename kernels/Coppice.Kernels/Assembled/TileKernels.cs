using Iced.Intel;

namespace Coppice.Kernels.Assembled;

/// <summary>The assembled tiles of Int8 products for one format of weights: any of 1 … 6 rows by 1, 2 or 4 panels that fits.</summary>
/// <remarks>
/// They are assembled on a thread of the pool when the first matrix that wants them is made, and used from when they are there: until then,
/// and where executable memory is refused, the tiles in C# give the same bits.
/// </remarks>
internal sealed unsafe class Int8Kernels
{
    /// <summary>Rows of the largest tile.</summary>
    internal const int MostRows = 6;
    /// <summary>Panels of the widest.</summary>
    internal const int MostPanels = 4;

    private static readonly Lazy<Task<Int8Kernels?>> Q8 = new(() => Task.Run(() => Create(MatrixFormat.Q8)));
    private static readonly Lazy<Task<Int8Kernels?>> Q4 = new(() => Task.Run(() => Create(MatrixFormat.Q4)));

    private readonly nint[] _code = new nint[(MostRows + 1) * (MostPanels + 1)];

    /// <summary>Begins to assemble the kernels for <paramref name="format"/> if nobody has.</summary>
    internal static void Prepare(MatrixFormat format) => _ = Of(format).Value;

    /// <summary>The kernels for <paramref name="format"/>, Q8 or Q4; null while they are not there.</summary>
    internal static Int8Kernels? TryGet(MatrixFormat format) =>
        Of(format) is { IsValueCreated: true, Value.IsCompletedSuccessfully: true } kernels ? kernels.Value.Result : null;

    /// <summary>Waits for the kernels, for tests; null where there are none.</summary>
    internal static Int8Kernels? Wait(MatrixFormat format) => Of(format).Value.GetAwaiter().GetResult();

    private static Lazy<Task<Int8Kernels?>> Of(MatrixFormat format) => format == MatrixFormat.Q4 ? Q4 : Q8;

    /// <summary>Whether there is a tile of that shape.</summary>
    internal bool Has(int rows, int panels) => rows <= MostRows && panels <= MostPanels && _code[Index(rows, panels)] != 0;

    /// <summary>Computes a tile.</summary>
    internal void Run(int rows, int panels, in Int8Tile tile)
    {
        fixed (Int8Tile* argument = &tile) ((delegate* unmanaged<Int8Tile*, void>)_code[Index(rows, panels)])(argument);
    }

    private static int Index(int rows, int panels) => rows * (MostPanels + 1) + panels;

    /// <summary>Machine code of one tile, as it will be called.</summary>
    internal static byte[] Assemble(MatrixFormat format, int rows, int panels, bool windows)
    {
        var asm = new Assembler(64);
        Int8Generator.Write(asm, format, rows, panels, windows);
        using var code = new MemoryStream();
        asm.Assemble(new StreamCodeWriter(code), 0);
        return code.ToArray();
    }

    private static Int8Kernels? Create(MatrixFormat format)
    {
        const int align = 64;
        List<byte> code = [];
        List<(int Index, int At)> kernels = [];
        for (var rows = 1; rows <= MostRows; rows++)
        {
            foreach (var panels in (ReadOnlySpan<int>)[1, 2, 4])
            {
                if (!Int8Generator.Fits(format, rows, panels)) continue;
                while (code.Count % align != 0) code.Add(0xcc);     // int3
                kernels.Add((Index(rows, panels), code.Count));
                code.AddRange(Assemble(format, rows, panels, OperatingSystem.IsWindows()));
            }
        }
        var memory = ExecutableMemory.Map(code.ToArray());
        if (memory == 0) return null;
        var created = new Int8Kernels();
        foreach (var (index, at) in kernels) created._code[index] = memory + at;
        return created;
    }
}
