using System.Diagnostics.CodeAnalysis;

namespace Coppice.Ptx.Text;

/// <summary>What an instruction takes the bits of a register for.</summary>
[SuppressMessage("Naming", "CA1720", Justification = "The number format is what is meant.")]
public enum TypeKind
{
    /// <summary>Just bits.</summary>
    Bits,
    /// <summary>Unsigned integer.</summary>
    Unsigned,
    /// <summary>Signed integer.</summary>
    Signed,
    /// <summary>IEEE floating point.</summary>
    Float,
    /// <summary>bfloat16.</summary>
    Brain,
    /// <summary>One bit.</summary>
    Predicate,
}

/// <summary>A type suffix of PTX: its kind and its size.</summary>
/// <param name="Kind">What the bits mean.</param>
/// <param name="Bytes">Bytes of one element; 0 for a predicate.</param>
/// <param name="Packed">Elements in one register: 2 for f16x2 and bf16x2.</param>
public readonly record struct PtxType(TypeKind Kind, int Bytes, int Packed = 1)
{
    /// <summary>Bits of one element.</summary>
    public int Bits => 8 * Bytes;

    /// <summary>Ones in the bits of one element.</summary>
    public ulong Mask => Bytes >= 8 ? ulong.MaxValue : (1UL << Bits) - 1;

    /// <summary>The type called <paramref name="suffix"/>, without its dot; null where there is none of that name.</summary>
    public static PtxType? Find(string suffix) => suffix switch
    {
        "pred" => new(TypeKind.Predicate, 0),
        "b8" => new(TypeKind.Bits, 1),
        "b16" => new(TypeKind.Bits, 2),
        "b32" => new(TypeKind.Bits, 4),
        "b64" => new(TypeKind.Bits, 8),
        "u8" => new(TypeKind.Unsigned, 1),
        "u16" => new(TypeKind.Unsigned, 2),
        "u32" => new(TypeKind.Unsigned, 4),
        "u64" => new(TypeKind.Unsigned, 8),
        "s8" => new(TypeKind.Signed, 1),
        "s16" => new(TypeKind.Signed, 2),
        "s32" => new(TypeKind.Signed, 4),
        "s64" => new(TypeKind.Signed, 8),
        "f16" => new(TypeKind.Float, 2),
        "f32" => new(TypeKind.Float, 4),
        "f64" => new(TypeKind.Float, 8),
        "bf16" => new(TypeKind.Brain, 2),
        "f16x2" => new(TypeKind.Float, 2, 2),
        "bf16x2" => new(TypeKind.Brain, 2, 2),
        _ => null,
    };
}
