using Iced.Intel;

namespace Coppice.Kernels.Assembled;

/// <summary>
/// The assembled tiles of products with one format of weights: Q8 and Q4 by Int8 rows, BF16 by BF16 rows. Any of 1 … <see cref="MostRows"/>
/// rows by 1, 2 or 4 panels that fits the registers.
/// </summary>
/// <remarks>
/// They are assembled on a thread of the pool when the first matrix that wants them is made. Where the processor does not have the
/// instructions, or executable memory is refused, there are none, and the tiles in C# do the work.
/// </remarks>
internal sealed unsafe class TileKernels
{
    /// <summary>Panels of the widest.</summary>
    internal const int MostPanels = 4;
    /// <summary>Numbers of panels that there are tiles for.</summary>
    internal static readonly int[] PanelCounts = [1, 2, 4];

    /// <summary>The formats of weights that have assembled tiles.</summary>
    internal static readonly MatrixFormat[] Formats = [MatrixFormat.Q8, MatrixFormat.Q4, MatrixFormat.BF16];

    private static readonly Lazy<Task<TileKernels?>>[] All = [.. Formats.Select(format =>
        new Lazy<Task<TileKernels?>>(() => Task.Run(() => Create(format))))];

    private readonly nint[] _code;

    private TileKernels(MatrixFormat format) => (MostRows, _code) = (RowsOf(format), new nint[(RowsOf(format) + 1) * (MostPanels + 1)]);

    /// <summary>Rows of the largest tile.</summary>
    internal int MostRows { get; }

    /// <summary>Rows of the largest tile for a format: those that leave registers for two panels.</summary>
    internal static int RowsOf(MatrixFormat format) => format == MatrixFormat.BF16 ? 12 : 6;

    /// <summary>Whether the processor has the instructions of the tiles for <paramref name="format"/>.</summary>
    internal static bool IsSupported(MatrixFormat format) =>
        format == MatrixFormat.BF16 ? CpuFeatures.HasBF16Dot512 : CpuFeatures.HasVnni512;

    /// <summary>Begins to assemble the kernels for <paramref name="format"/> if that has not begun.</summary>
    internal static void Prepare(MatrixFormat format) => _ = Of(format).Value;

    /// <summary>The kernels for <paramref name="format"/>; null while they are not there.</summary>
    internal static TileKernels? TryGet(MatrixFormat format) =>
        Of(format) is { IsValueCreated: true, Value.IsCompletedSuccessfully: true } kernels ? kernels.Value.Result : null;

    /// <summary>Waits for the kernels; null where there are none.</summary>
    internal static TileKernels? Wait(MatrixFormat format) => Of(format).Value.GetAwaiter().GetResult();

    private static Lazy<Task<TileKernels?>> Of(MatrixFormat format) => All[Array.IndexOf(Formats, format)];

    /// <summary>Whether there is a tile of that shape.</summary>
    internal bool Has(int rows, int panels) => rows <= MostRows && panels <= MostPanels && _code[Index(rows, panels)] != 0;

    /// <summary>
    /// Rows of the next tile where <paramref name="left"/> are left. The last two share them: short tiles have too few sums to keep the
    /// multipliers busy.
    /// </summary>
    internal int Height(int left) => left <= MostRows ? left : left < 2 * MostRows ? (left + 1) / 2 : MostRows;

    /// <summary>Computes a tile: an <see cref="Int8Tile"/> or a <see cref="BF16Tile"/>, as the format wants.</summary>
    internal void Run<TTile>(int rows, int panels, in TTile tile) where TTile : unmanaged
    {
        fixed (TTile* argument = &tile) ((delegate* unmanaged<TTile*, void>)_code[Index(rows, panels)])(argument);
    }

    private static int Index(int rows, int panels) => rows * (MostPanels + 1) + panels;

    /// <summary>Whether a tile fits the registers.</summary>
    internal static bool Fits(MatrixFormat format, int rows, int panels) =>
        format == MatrixFormat.BF16 ? BF16Generator.Fits(rows, panels) : Int8Generator.Fits(format, rows, panels);

    /// <summary>The shapes of tiles that there are for a format.</summary>
    internal static IEnumerable<(int Rows, int Panels)> Shapes(MatrixFormat format) =>
        from rows in Enumerable.Range(1, RowsOf(format))
        from panels in PanelCounts
        where Fits(format, rows, panels)
        select (rows, panels);

    /// <summary>What a tile is called in listings and profiles, such as "tile_bf16_12x2": rows by panels.</summary>
    internal static string NameOf(MatrixFormat format, int rows, int panels) => $"tile_{format.ToString().ToLowerInvariant()}_{rows}x{panels}";

    /// <summary>Machine code of one tile, as it will be called.</summary>
    internal static byte[] Assemble(MatrixFormat format, int rows, int panels, bool windows)
    {
        var asm = new Assembler(64);
        TileGenerator generator = format == MatrixFormat.BF16
            ? new BF16Generator(asm, rows, panels, windows) : new Int8Generator(asm, format, rows, panels, windows);
        generator.Write();
        using var code = new MemoryStream();
        asm.Assemble(new StreamCodeWriter(code), 0);
        return code.ToArray();
    }

    private static TileKernels? Create(MatrixFormat format)
    {
        const int align = 64;
        if (!IsSupported(format)) return null;
        List<byte> code = [];
        List<(int Rows, int Panels, int At, int Bytes)> kernels = [];
        foreach (var (rows, panels) in Shapes(format))
        {
            while (code.Count % align != 0) code.Add(0xcc);     // int3
            var kernel = Assemble(format, rows, panels, OperatingSystem.IsWindows());
            kernels.Add((rows, panels, code.Count, kernel.Length));
            code.AddRange(kernel);
        }
        var memory = ExecutableMemory.Map(code.ToArray());
        if (memory == 0) return null;
        var created = new TileKernels(format);
        foreach (var (rows, panels, at, _) in kernels) created._code[Index(rows, panels)] = memory + at;
        PerfMap.Add(kernels.Select(kernel => (memory + kernel.At, kernel.Bytes, NameOf(format, kernel.Rows, kernel.Panels))));
        return created;
    }
}
