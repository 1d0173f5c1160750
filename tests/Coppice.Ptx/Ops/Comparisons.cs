using Coppice.Ptx.Text;

namespace Coppice.Ptx.Ops;

/// <summary>setp and testp.</summary>
internal static class Comparisons
{
    /// <summary>What a comparison asks; null where the name is none.</summary>
    public static Func<ulong, ulong, bool>? Find(string name, PtxType type)
    {
        if (type.Kind is TypeKind.Float or TypeKind.Brain) return Real(name, type);
        var (mask, bytes) = (type.Mask, type.Bytes);
        Func<ulong, ulong, int> order = type.Kind == TypeKind.Signed && name is not ("lo" or "ls" or "hi" or "hs")
            ? (a, b) => Bits.Signed(a, bytes).CompareTo(Bits.Signed(b, bytes))
            : (a, b) => (a & mask).CompareTo(b & mask);
        return name switch
        {
            "eq" => (a, b) => (a & mask) == (b & mask),
            "ne" => (a, b) => (a & mask) != (b & mask),
            "lt" or "lo" => (a, b) => order(a, b) < 0,
            "le" or "ls" => (a, b) => order(a, b) <= 0,
            "gt" or "hi" => (a, b) => order(a, b) > 0,
            "ge" or "hs" => (a, b) => order(a, b) >= 0,
            _ => null,
        };
    }

    /// <summary>What testp asks; null where the name is none.</summary>
    public static Func<ulong, ulong, bool>? Test(string name, PtxType type) => name switch
    {
        "notanumber" => (a, _) => double.IsNaN(Bits.Real(a, type)),
        "number" => (a, _) => !double.IsNaN(Bits.Real(a, type)),
        "finite" => (a, _) => double.IsFinite(Bits.Real(a, type)),
        "infinite" => (a, _) => double.IsInfinity(Bits.Real(a, type)),
        _ => null,
    };

    /// <summary>Names that end in u hold where either is no number; the others do not.</summary>
    private static Func<ulong, ulong, bool>? Real(string name, PtxType type) => name switch
    {
        "eq" => (a, b) => Bits.Real(a, type) == Bits.Real(b, type),
        "ne" => (a, b) => Bits.Real(a, type) < Bits.Real(b, type) || Bits.Real(a, type) > Bits.Real(b, type),
        "lt" => (a, b) => Bits.Real(a, type) < Bits.Real(b, type),
        "le" => (a, b) => Bits.Real(a, type) <= Bits.Real(b, type),
        "gt" => (a, b) => Bits.Real(a, type) > Bits.Real(b, type),
        "ge" => (a, b) => Bits.Real(a, type) >= Bits.Real(b, type),
        "equ" => (a, b) => !(Bits.Real(a, type) < Bits.Real(b, type) || Bits.Real(a, type) > Bits.Real(b, type)),
        "neu" => (a, b) => Bits.Real(a, type) != Bits.Real(b, type),
        "ltu" => (a, b) => !(Bits.Real(a, type) >= Bits.Real(b, type)),
        "leu" => (a, b) => !(Bits.Real(a, type) > Bits.Real(b, type)),
        "gtu" => (a, b) => !(Bits.Real(a, type) <= Bits.Real(b, type)),
        "geu" => (a, b) => !(Bits.Real(a, type) < Bits.Real(b, type)),
        "num" => (a, b) => !double.IsNaN(Bits.Real(a, type)) && !double.IsNaN(Bits.Real(b, type)),
        "nan" => (a, b) => double.IsNaN(Bits.Real(a, type)) || double.IsNaN(Bits.Real(b, type)),
        _ => null,
    };
}
