using Coppice.Ptx.Text;

namespace Coppice.Ptx.Ops;

/// <summary>cvt in all the forms that kernels have.</summary>
internal static class Conversions
{
    /// <summary>What a cvt computes.</summary>
    /// <exception cref="PtxException">A rounding that is not known here.</exception>
    public static Compute Find(Instruction instruction)
    {
        var (to, from) = (instruction.Types[0], instruction.Types[1]);
        if (to.Packed == 2)
        {
            // cvt.rn.bf16x2.f32 d, a, b: a becomes the upper half.
            var half = to with { Packed = 1 };
            return (a, b, _) => Bits.Rounded(Bits.Real(a, from), half) << 16 | Bits.Rounded(Bits.Real(b, from), half);
        }
        var (toReal, fromReal) = (IsReal(to), IsReal(from));
        if (!toReal && !fromReal)
            return from.Kind == TypeKind.Signed
                ? instruction.Has("sat") ? (a, _, _) => Clamp(Bits.Signed(a, from.Bytes), to) : (a, _, _) => (ulong)Bits.Signed(a,
                    from.Bytes) & to.Mask
                : (a, _, _) => a & from.Mask & to.Mask;
        if (!fromReal)
            return from.Kind == TypeKind.Signed
                ? (a, _, _) => FromInteger(Bits.Signed(a, from.Bytes), to)
                : (a, _, _) => to.Bytes == 4 ? Bits.Of((float)(a & from.Mask)) : Bits.Rounded(a & from.Mask, to);
        var rounding = Rounding(instruction);
        if (!toReal) return (a, _, _) => ToInteger(rounding(Bits.Real(a, from)), to);
        var whole = instruction.Opcode.Any(part => part is "rni" or "rzi" or "rmi" or "rpi");
        return whole ? (a, _, _) => Bits.Rounded(rounding(Bits.Real(a, from)), to) : (a, _, _) => Bits.Rounded(Bits.Real(a, from), to);
    }

    private static bool IsReal(PtxType type) => type.Kind is TypeKind.Float or TypeKind.Brain;

    private static ulong FromInteger(long value, PtxType to) => to.Bytes == 4 ? Bits.Of((float)value) : Bits.Rounded(value, to);

    private static Func<double, double> Rounding(Instruction instruction)
    {
        foreach (var part in instruction.Opcode)
        {
            switch (part)
            {
                case "rn" or "rni": return x => Math.Round(x, MidpointRounding.ToEven);
                case "rzi": return Math.Truncate;
                case "rmi": return Math.Floor;
                case "rpi": return Math.Ceiling;
                case "rz" or "rm" or "rp" or "rna": throw new PtxException($"{instruction}: .{part} is not executed here.");
            }
        }
        return x => x;
    }

    /// <summary>NaN becomes 0, and what is too large the largest.</summary>
    private static ulong ToInteger(double value, PtxType to)
    {
        if (double.IsNaN(value)) return 0;
        if (to.Kind == TypeKind.Signed)
        {
            if (to.Bytes == 8) return value >= 9.2233720368547758e18 ? long.MaxValue : (ulong)(long)Math.Max(value, -9.2233720368547758e18);
            var limit = Math.ScaleB(1, to.Bits - 1);
            return (ulong)(long)Math.Clamp(value, -limit, limit - 1) & to.Mask;
        }
        return value <= 0 ? 0 : value >= Math.ScaleB(1, to.Bits) ? to.Mask : (ulong)value;
    }

    private static ulong Clamp(long value, PtxType to) => to.Kind == TypeKind.Signed
        ? (ulong)Math.Clamp(value, -(1L << (to.Bits - 1)), (1L << (to.Bits - 1)) - 1) & to.Mask
        : (ulong)Math.Clamp(value, 0, (long)(to.Mask >> (to.Bytes == 8 ? 1 : 0)));
}
