namespace Coppice.Kernels.Assembled;

/// <summary>What an assembled tile multiplies.</summary>
internal enum TileKind
{
    /// <summary>Int8 rows by panels of Q8 codes.</summary>
    Q8,
    /// <summary>Int8 rows by panels of Q4 codes.</summary>
    Q4,
    /// <summary>BF16 rows by panels of BF16 weights.</summary>
    BF16,
    /// <summary>F32 rows by keys or values kept in F32.</summary>
    KvF32,
    /// <summary>F32 rows by keys or values kept in F16.</summary>
    KvF16,
    /// <summary>F32 rows by keys or values kept in BF16.</summary>
    KvBF16,
}

/// <summary>What is known of kinds of tiles.</summary>
internal static class TileKinds
{
    internal static readonly TileKind[] All = Enum.GetValues<TileKind>();

    /// <summary>The tiles of products with weights in <paramref name="format"/>, one of Q8, Q4 and BF16.</summary>
    internal static TileKind Of(MatrixFormat format) => format switch
    {
        MatrixFormat.Q8 => TileKind.Q8,
        MatrixFormat.Q4 => TileKind.Q4,
        MatrixFormat.BF16 => TileKind.BF16,
        _ => throw new ArgumentOutOfRangeException(nameof(format), $"tiles: there are none for weights in {format}."),
    };

    /// <summary>The tiles of attention over keys and values of <paramref name="type"/>, one of F32, F16 and BF16.</summary>
    internal static TileKind Of(ElementType type) => type switch
    {
        ElementType.F32 => TileKind.KvF32,
        ElementType.F16 => TileKind.KvF16,
        ElementType.BF16 => TileKind.KvBF16,
        _ => throw new ArgumentOutOfRangeException(nameof(type), $"tiles: there are none for keys and values in {type}."),
    };

    internal static bool IsKv(this TileKind kind) => kind >= TileKind.KvF32;

    /// <summary>Rows of the largest tile: those that leave registers for two panels, of keys and values for four.</summary>
    internal static int Rows(this TileKind kind) => kind == TileKind.BF16 ? 12 : 6;

    /// <summary>What the processor must have.</summary>
    internal static string Instructions(this TileKind kind) => kind switch
    {
        TileKind.Q8 or TileKind.Q4 => "AVX512_VNNI",
        TileKind.BF16 => "AVX512_BF16",
        _ => "AVX512F",
    };

    /// <summary>Whether it has it.</summary>
    internal static bool IsSupported(this TileKind kind) => kind switch
    {
        TileKind.Q8 or TileKind.Q4 => CpuFeatures.HasVnni512,
        TileKind.BF16 => CpuFeatures.HasBF16Dot512,
        _ => CpuFeatures.HasAvx512,
    };

    /// <summary>Whether a tile of <paramref name="rows"/> by <paramref name="panels"/> fits the registers.</summary>
    internal static bool Fits(this TileKind kind, int rows, int panels) => kind switch
    {
        TileKind.Q8 => Int8Generator.Fits(MatrixFormat.Q8, rows, panels),
        TileKind.Q4 => Int8Generator.Fits(MatrixFormat.Q4, rows, panels),
        TileKind.BF16 => BF16Generator.Fits(rows, panels),
        _ => KvGenerator.Fits(rows, panels),
    };
}
