using Coppice.Kernels;

namespace Coppice.Weights;

/// <summary>Element types that the safetensors format names.</summary>
internal enum SafetensorsType
{
    Bool, U8, I8, F8E4M3, F8E5M2, F8E8M0, I16, U16, F16, BF16, I32, U32, F32, I64, U64, F64, C64,
}

/// <summary>Names and sizes of the format's element types.</summary>
internal static class SafetensorsTypes
{
    private static readonly (string Name, int Bytes)[] Table =
    [
        ("BOOL", 1), ("U8", 1), ("I8", 1), ("F8_E4M3", 1), ("F8_E5M2", 1), ("F8_E8M0", 1), ("I16", 2), ("U16", 2), ("F16", 2), ("BF16", 2),
        ("I32", 4), ("U32", 4), ("F32", 4), ("I64", 8), ("U64", 8), ("F64", 8), ("C64", 8),
    ];

    /// <summary>Bytes of one element.</summary>
    public static int Bytes(this SafetensorsType type) => Table[(int)type].Bytes;

    /// <summary>The name that stands in files.</summary>
    public static string FileName(this SafetensorsType type) => Table[(int)type].Name;

    /// <summary>The type that files call <paramref name="name"/>.</summary>
    public static bool TryParse(string name, out SafetensorsType type)
    {
        var index = Array.FindIndex(Table, row => row.Name == name);
        type = (SafetensorsType)Math.Max(index, 0);
        return index >= 0;
    }

    /// <summary>The engine's type of the same bits, where it computes with it.</summary>
    public static bool TryElementType(this SafetensorsType type, out ElementType element)
    {
        (var known, element) = type switch
        {
            SafetensorsType.F32 => (true, ElementType.F32),
            SafetensorsType.F16 => (true, ElementType.F16),
            SafetensorsType.BF16 => (true, ElementType.BF16),
            _ => (false, default),
        };
        return known;
    }

    /// <summary>The format's type of the same bits.</summary>
    public static SafetensorsType ToSafetensors(this ElementType type) => type switch
    {
        ElementType.F32 => SafetensorsType.F32,
        ElementType.F16 => SafetensorsType.F16,
        ElementType.BF16 => SafetensorsType.BF16,
        _ => SafetensorsType.I32,
    };
}
