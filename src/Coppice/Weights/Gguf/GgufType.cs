namespace Coppice.Weights.Gguf;

/// <summary>Element types of GGUF that this version writes, with the format's numbers.</summary>
internal enum GgufType
{
    F32 = 0,
    F16 = 1,
    /// <summary>Q4_0: 32 elements share a scale; 18 bytes.</summary>
    Q4 = 2,
    /// <summary>Q8_0: 32 elements share a scale; 34 bytes.</summary>
    Q8 = 8,
    BF16 = 30,
}

/// <summary>Names, sizes and ranges of the types.</summary>
internal static class GgufTypes
{
    /// <summary>Elements that share a scale.</summary>
    public const int Group = 32;

    /// <summary>Every type, the widest first.</summary>
    public static IReadOnlyList<GgufType> All { get; } = [GgufType.F32, GgufType.F16, GgufType.BF16, GgufType.Q8, GgufType.Q4];

    /// <summary>The name that users write.</summary>
    public static string Name(this GgufType type) => type switch
    {
        GgufType.F32 => "f32",
        GgufType.F16 => "f16",
        GgufType.BF16 => "bf16",
        GgufType.Q8 => "q8_0",
        _ => "q4_0",
    };

    /// <summary>Elements that are stored together: a row is a whole number of such blocks.</summary>
    public static int BlockElements(this GgufType type) => type is GgufType.Q8 or GgufType.Q4 ? Group : 1;

    /// <summary>Bytes of <paramref name="elements"/> elements, a multiple of a block.</summary>
    public static long Bytes(this GgufType type, long elements) => elements / type.BlockElements() * type switch
    {
        GgufType.F32 => 4,
        GgufType.F16 or GgufType.BF16 => 2,
        GgufType.Q8 => 2 + Group,
        _ => 2 + Group / 2,
    };

    /// <summary>The largest magnitude that the type holds: above it an element or the scale of its group would become infinite.</summary>
    public static float Largest(this GgufType type) => type switch
    {
        GgufType.F32 => float.MaxValue,
        GgufType.F16 => 65504f,
        GgufType.BF16 => 3.3895314e38f,
        GgufType.Q8 => 65504f * 127,
        _ => 65504f * 8,
    };

    /// <summary>What general.file_type says of a file whose matrices have the type.</summary>
    public static uint FileType(this GgufType type) => type switch
    {
        GgufType.F32 => 0,
        GgufType.F16 => 1,
        GgufType.BF16 => 32,
        GgufType.Q8 => 7,
        _ => 2,
    };
}
