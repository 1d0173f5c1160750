using Iced.Intel;

namespace Coppice.Kernels.Assembled;

/// <summary>
/// The assembled tiles of one kind: any of 1 … <see cref="MostRows"/> rows by 1, 2 or 4 panels of 16 outputs that fits the registers.
/// </summary>
/// <remarks>
/// They are assembled on a thread of the pool when they are first asked for. Where the processor does not have the instructions, or
/// executable memory is refused, there are none, and the tiles in C# do the work.
/// </remarks>
internal sealed unsafe class TileKernels
{
    /// <summary>Panels of the widest.</summary>
    internal const int MostPanels = 4;
    /// <summary>Numbers of panels that there are tiles for.</summary>
    private static readonly int[] PanelCounts = [1, 2, 4];

    private static readonly Lazy<Task<TileKernels?>>[] All = [.. TileKinds.All.Select(kind =>
        new Lazy<Task<TileKernels?>>(() => Task.Run(() => Create(kind))))];

    private readonly nint[] _code;

    private TileKernels(TileKind kind) => (MostRows, _code) = (kind.Rows(), new nint[(kind.Rows() + 1) * (MostPanels + 1)]);

    /// <summary>Rows of the largest tile.</summary>
    internal int MostRows { get; }

    /// <summary>Begins to assemble the kernels of a kind if that has not begun.</summary>
    internal static void Prepare(TileKind kind) => _ = All[(int)kind].Value;

    /// <summary>The kernels of a kind; null while they are not there.</summary>
    internal static TileKernels? TryGet(TileKind kind) =>
        All[(int)kind] is { IsValueCreated: true, Value.IsCompletedSuccessfully: true } kernels ? kernels.Value.Result : null;

    /// <summary>The kernels of a kind; null while they are not there, which the first call sees to.</summary>
    internal static TileKernels? Use(TileKind kind)
    {
        Prepare(kind);
        return TryGet(kind);
    }

    /// <summary>Waits for the kernels; null where there are none.</summary>
    internal static TileKernels? Wait(TileKind kind) => All[(int)kind].Value.GetAwaiter().GetResult();

    /// <summary>Whether there is a tile of that shape.</summary>
    internal bool Has(int rows, int panels) => rows <= MostRows && panels <= MostPanels && _code[Index(rows, panels)] != 0;

    /// <summary>
    /// Rows of the next tile where <paramref name="left"/> are left. The last two share them: short tiles have too few sums to keep the
    /// multipliers busy.
    /// </summary>
    internal int Height(int left) => left <= MostRows ? left : left < 2 * MostRows ? (left + 1) / 2 : MostRows;

    /// <summary>Tiles that <paramref name="rows"/> rows are cut into.</summary>
    internal int Tiles(int rows)
    {
        var tiles = 0;
        for (var row = 0; row < rows; tiles++) row += Height(rows - row);
        return tiles;
    }

    /// <summary>Computes a tile: an <see cref="Int8Tile"/>, <see cref="BF16Tile"/> or <see cref="KvTile"/>, as the kind wants.</summary>
    internal void Run<TTile>(int rows, int panels, in TTile tile) where TTile : unmanaged
    {
        fixed (TTile* argument = &tile) ((delegate* unmanaged<TTile*, void>)_code[Index(rows, panels)])(argument);
    }

    private static int Index(int rows, int panels) => rows * (MostPanels + 1) + panels;

    /// <summary>The shapes of tiles that there are of a kind.</summary>
    internal static IEnumerable<(int Rows, int Panels)> Shapes(TileKind kind) =>
        from rows in Enumerable.Range(1, kind.Rows())
        from panels in PanelCounts
        where kind.Fits(rows, panels)
        select (rows, panels);

    /// <summary>What a tile is called in listings and profiles, such as "tile_bf16_12x2": rows by panels.</summary>
    internal static string NameOf(TileKind kind, int rows, int panels) => $"tile_{kind.ToString().ToLowerInvariant()}_{rows}x{panels}";

    /// <summary>Machine code of one tile, as it will be called.</summary>
    internal static byte[] Assemble(TileKind kind, int rows, int panels, bool windows)
    {
        var asm = new Assembler(64);
        TileGenerator generator = kind switch
        {
            TileKind.Q8 => new Int8Generator(asm, MatrixFormat.Q8, rows, panels, windows),
            TileKind.Q4 => new Int8Generator(asm, MatrixFormat.Q4, rows, panels, windows),
            TileKind.BF16 => new BF16Generator(asm, rows, panels, windows),
            _ => new KvGenerator(asm, kind, rows, panels, windows),
        };
        generator.Write();
        using var code = new MemoryStream();
        asm.Assemble(new StreamCodeWriter(code), 0);
        return code.ToArray();
    }

    private static TileKernels? Create(TileKind kind)
    {
        const int align = 64;
        if (!kind.IsSupported()) return null;
        List<byte> code = [];
        List<(int Rows, int Panels, int At, int Bytes)> kernels = [];
        foreach (var (rows, panels) in Shapes(kind))
        {
            while (code.Count % align != 0) code.Add(0xcc);     // int3
            var kernel = Assemble(kind, rows, panels, OperatingSystem.IsWindows());
            kernels.Add((rows, panels, code.Count, kernel.Length));
            code.AddRange(kernel);
        }
        var memory = ExecutableMemory.Map(code.ToArray());
        if (memory == 0) return null;
        var created = new TileKernels(kind);
        foreach (var (rows, panels, at, _) in kernels) created._code[Index(rows, panels)] = memory + at;
        PerfMap.Add(kernels.Select(kernel => (memory + kernel.At, kernel.Bytes, NameOf(kind, kernel.Rows, kernel.Panels))));
        return created;
    }
}
