using System.Numerics;
using Coppice.Ptx.Text;

namespace Coppice.Ptx.Ops;

/// <summary>The instructions that compute one result of a lane from up to three operands.</summary>
/// <remarks>
/// Source: PTX ISA 7.8, chapter 9.7. The approximate functions give the nearest F32: an interpreter checks what a kernel computes, not how
/// a chip's table errs.
/// </remarks>
internal static class Arithmetic
{
    /// <summary>What an opcode computes, and its floating-point operations; null where it is none of these.</summary>
    public static (Compute Compute, int Flops)? Find(Instruction instruction)
    {
        if (instruction.Types.Count == 0) return null;
        var type = instruction.Types[0];
        var name = instruction.Opcode[0];
        if (name == "cvt") return (Conversions.Find(instruction), 0);
        if (type.Kind is TypeKind.Float or TypeKind.Brain) return Real(instruction, name, type);
        var wide = instruction.Has("wide");
        return Integer(instruction, name, type, wide) is { } compute ? (compute, name == "dp4a" ? 8 : 0) : null;
    }

    private static Compute? Integer(Instruction instruction, string name, PtxType type, bool wide)
    {
        var (mask, bytes, bits, isSigned) = (type.Mask, type.Bytes, type.Bits, type.Kind == TypeKind.Signed);
        switch (name)
        {
            case "add": return (a, b, _) => (a + b) & mask;
            case "sub": return (a, b, _) => (a - b) & mask;
            case "neg": return (a, _, _) => (0 - a) & mask;
            case "abs": return (a, _, _) => (ulong)Math.Abs(Bits.Signed(a, bytes)) & mask;
            case "and": return (a, b, _) => a & b & mask;
            case "or": return (a, b, _) => (a | b) & mask;
            case "xor": return (a, b, _) => (a ^ b) & mask;
            case "not": return (a, _, _) => ~a & mask;
            case "cnot": return (a, _, _) => (a & mask) == 0 ? 1UL : 0;
            case "popc": return (a, _, _) => (ulong)BitOperations.PopCount(a & mask);
            case "clz": return (a, _, _) => Bits.LeadingZeros(a, bytes);
            case "brev": return (a, _, _) => Bits.Reversed(a, bits);
            case "prmt": return Bits.Permute;
            case "bfe": return (a, b, c) => Bits.Extract(a, b, c, type);
            case "min": return isSigned ? (a, b, _) => Bits.Signed(a, bytes) < Bits.Signed(b, bytes) ? a : b : (a, b, _) => Math.Min(a, b);
            case "max": return isSigned ? (a, b, _) => Bits.Signed(a, bytes) > Bits.Signed(b, bytes) ? a : b : (a, b, _) => Math.Max(a, b);
            // A shift by the width or more gives zeros, or the sign.
            case "shl": return (a, b, _) => (uint)b >= bits ? 0 : a << (int)b & mask;
            case "shr":
                return isSigned
                    ? (a, b, _) => (ulong)(Bits.Signed(a, bytes) >> (int)Math.Min((uint)b, (uint)bits - 1)) & mask
                    : (a, b, _) => (uint)b >= bits ? 0 : (a & mask) >> (int)b;
            case "mul" or "mad": return Product(instruction, type, wide);
            case "div": return Quotient(type, remainder: false);
            case "rem": return Quotient(type, remainder: true);
            case "dp4a":
                var signedB = instruction.Types[1].Kind == TypeKind.Signed;
                return (a, b, c) => Bits.Dot4(a, b, c, isSigned, signedB);
            default: return null;
        }
    }

    private static Compute Product(Instruction instruction, PtxType type, bool wide)
    {
        var (mask, bytes, isSigned) = (type.Mask, type.Bytes, type.Kind == TypeKind.Signed);
        var adds = instruction.Opcode[0] == "mad";
        if (wide)
        {
            var wideMask = bytes == 4 ? ulong.MaxValue : (1UL << (16 * bytes)) - 1;
            return isSigned
                ? (a, b, c) => ((ulong)(Bits.Signed(a, bytes) * Bits.Signed(b, bytes)) + (adds ? c : 0)) & wideMask
                : (a, b, c) => ((a & mask) * (b & mask) + (adds ? c : 0)) & wideMask;
        }
        if (!instruction.Has("hi")) return (a, b, c) => (a * b + (adds ? c : 0)) & mask;
        return isSigned
            ? (a, b, c) => ((ulong)(((Int128)Bits.Signed(a, bytes) * Bits.Signed(b, bytes)) >> type.Bits) + (adds ? c : 0)) & mask
            : (a, b, c) => ((ulong)(((UInt128)(a & mask) * (b & mask)) >> type.Bits) + (adds ? c : 0)) & mask;
    }

    /// <summary>By zero all ones, as GPUs give.</summary>
    private static Compute Quotient(PtxType type, bool remainder)
    {
        var (mask, bytes) = (type.Mask, type.Bytes);
        if (type.Kind != TypeKind.Signed)
            return (a, b, _) => (b & mask) == 0 ? mask : remainder ? (a & mask) % (b & mask) : (a & mask) / (b & mask);
        return (a, b, _) =>
        {
            var (x, y) = (Bits.Signed(a, bytes), Bits.Signed(b, bytes));
            if (y == 0) return mask;
            if (y == -1) return remainder ? 0 : (ulong)unchecked(-x) & mask;
            return (ulong)(remainder ? x % y : x / y) & mask;
        };
    }

    private static (Compute, int)? Real(Instruction instruction, string name, PtxType type)
    {
        if (type.Packed == 2) return Packed(name, type) is { } packed ? (packed, name == "fma" ? 4 : 2) : null;
        if (type.Bytes == 4 && instruction.Has("ftz")) throw new PtxException($"{instruction}: .ftz is not executed here.");
        switch (name)
        {
            case "add": return Two(type, (a, b) => a + b, (a, b) => a + b);
            case "sub": return Two(type, (a, b) => a - b, (a, b) => a - b);
            case "mul": return Two(type, (a, b) => a * b, (a, b) => a * b);
            case "div": return Two(type, (a, b) => a / b, (a, b) => a / b);
            case "min": return (Two(type, float.MinNumber, double.MinNumber).Compute, 0);
            case "max": return (Two(type, float.MaxNumber, double.MaxNumber).Compute, 0);
            case "neg":
                var sign = 1UL << (type.Bits - 1);
                return ((a, _, _) => a ^ sign, 0);
            case "abs":
                var magnitude = type.Mask >> 1;
                return ((a, _, _) => a & magnitude, 0);
            case "fma" or "mad" when type.Bytes == 8:
                return ((a, b, c) => Bits.Of(Math.FusedMultiplyAdd(Bits.F64(a), Bits.F64(b), Bits.F64(c))), 2);
            case "fma" or "mad" when type.Bytes == 4:
                return ((a, b, c) => Bits.Of(MathF.FusedMultiplyAdd(Bits.F32(a), Bits.F32(b), Bits.F32(c))), 2);
            // Products of 16-bit numbers are exact in F64, and so is the sum but for what no F16 shows.
            case "fma": return ((a, b, c) => Bits.Rounded(Bits.Real(a, type) * Bits.Real(b, type) + Bits.Real(c, type), type), 2);
            case "rcp": return One(type, x => 1 / x);
            case "sqrt": return One(type, Math.Sqrt);
            case "rsqrt": return One(type, x => 1 / Math.Sqrt(x));
            case "ex2": return One(type, x => Math.Pow(2, x));
            case "lg2": return One(type, Math.Log2);
            case "sin": return One(type, Math.Sin);
            case "cos": return One(type, Math.Cos);
            case "tanh": return One(type, Math.Tanh);
            default: return null;
        }
    }

    private static (Compute Compute, int Flops) Two(PtxType type, Func<float, float, float> single, Func<double, double, double> real) =>
        type.Bytes == 4 ? ((a, b, _) => Bits.Of(single(Bits.F32(a), Bits.F32(b))), 1)
            : ((a, b, _) => Bits.Rounded(real(Bits.Real(a, type), Bits.Real(b, type)), type), 1);

    private static (Compute, int) One(PtxType type, Func<double, double> function) =>
        ((a, _, _) => Bits.Rounded(function(Bits.Real(a, type)), type), 1);

    private static Compute? Packed(string name, PtxType type)
    {
        var element = type with { Packed = 1 };
        Func<double, double, double, double>? function = name switch
        {
            "add" => (a, b, _) => a + b,
            "sub" => (a, b, _) => a - b,
            "mul" => (a, b, _) => a * b,
            "fma" => (a, b, c) => a * b + c,
            "min" => (a, b, _) => double.MinNumber(a, b),
            "max" => (a, b, _) => double.MaxNumber(a, b),
            _ => null,
        };
        if (function is null) return null;
        return (a, b, c) => Half(a, b, c) | Half(a >> 16, b >> 16, c >> 16) << 16;

        ulong Half(ulong a, ulong b, ulong c) =>
            Bits.Rounded(function(Bits.Real(a & 0xffff, element), Bits.Real(b & 0xffff, element), Bits.Real(c & 0xffff, element)), element);
    }
}
