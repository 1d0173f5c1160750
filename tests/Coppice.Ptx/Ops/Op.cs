using Coppice.Ptx.Execution;
using Coppice.Ptx.Reports;
using Coppice.Ptx.Text;

namespace Coppice.Ptx.Ops;

/// <summary>A decoded instruction.</summary>
/// <remarks>
/// Every operand is a register: constants and special registers are registers that are filled beforehand. A register holds 64 bits; what is
/// narrower has zeros above.
/// </remarks>
internal abstract class Op
{
    public required Instruction Instruction { get; init; }
    public required InstructionClass Class { get; init; }
    /// <summary>Its number in the program.</summary>
    public int Index { get; set; }
    /// <summary>The predicate of its guard; -1 for none.</summary>
    public int Guard { get; set; } = -1;
    public bool GuardNegated { get; set; }
    /// <summary>Registers that it reads; those that only moves of unwritten values read are left out.</summary>
    public int[] Sources { get; init; } = [];
    public int[] Results { get; init; } = [];
    public int[] PredicateSources { get; init; } = [];
    public int[] PredicateResults { get; init; } = [];
    /// <summary>Operations in floating point of a lane.</summary>
    public int LaneFlops { get; init; }
    /// <summary>Operations in floating point of a warp.</summary>
    public int WarpFlops { get; init; }

    /// <summary>Executes it for the lanes of <paramref name="mask"/>, which is not 0 except at barriers.</summary>
    public abstract void Run(Warp warp, uint mask);
}

/// <summary>A branch to another instruction; its lanes meet the others again at <see cref="Meet"/>.</summary>
internal sealed class Branch : Op
{
    public int Target { get; set; }
    /// <summary>The first instruction that every way from here comes by; <see cref="int.MaxValue"/> where only the end is.</summary>
    public int Meet { get; set; } = int.MaxValue;

    public override void Run(Warp warp, uint mask) => throw new InvalidOperationException("branches are taken by the warp");
}

/// <summary>The end of a thread.</summary>
internal sealed class Return : Op
{
    public override void Run(Warp warp, uint mask) => throw new InvalidOperationException("the warp ends its threads");
}

/// <summary>One result of up to four operands of the same lane.</summary>
internal delegate ulong Compute(ulong a, ulong b, ulong c);

/// <summary>An instruction that works lane by lane on registers.</summary>
internal sealed class LaneOp(Compute compute, int result, int a, int b, int c) : Op
{
    public override void Run(Warp warp, uint mask)
    {
        Span<ulong> r = warp.Registers(result), x = warp.Registers(a), y = warp.Registers(b), z = warp.Registers(c);
        if (mask == Warp.All)
        {
            for (var lane = 0; lane < Warp.Lanes; lane++) r[lane] = compute(x[lane], y[lane], z[lane]);
            return;
        }
        for (var lane = 0; lane < Warp.Lanes; lane++)
            if ((mask >> lane & 1) != 0) r[lane] = compute(x[lane], y[lane], z[lane]);
    }
}

/// <summary>A move, which most instructions of ILGPU's text are.</summary>
internal sealed class MoveOp(int result, int source) : Op
{
    public override void Run(Warp warp, uint mask)
    {
        Span<ulong> r = warp.Registers(result), x = warp.Registers(source);
        if (mask == Warp.All) x.CopyTo(r);
        else
            for (var lane = 0; lane < Warp.Lanes; lane++)
                if ((mask >> lane & 1) != 0) r[lane] = x[lane];
    }
}

/// <summary>fma.rn.f32, half of what products of matrices are made of.</summary>
internal sealed class FusedOp(int result, int a, int b, int c) : Op
{
    public override void Run(Warp warp, uint mask)
    {
        Span<ulong> r = warp.Registers(result), x = warp.Registers(a), y = warp.Registers(b), z = warp.Registers(c);
        for (var lane = 0; lane < Warp.Lanes; lane++)
            if ((mask >> lane & 1) != 0)
                r[lane] = Bits.Of(MathF.FusedMultiplyAdd(Bits.F32(x[lane]), Bits.F32(y[lane]), Bits.F32(z[lane])));
    }
}

/// <summary>A comparison, with another predicate combined where there is one.</summary>
internal sealed class CompareOp(Func<ulong, ulong, bool> compare, int result, int inverse, int a, int b,
    Func<uint, uint, uint>? combine, int other, bool otherNegated) : Op
{
    public override void Run(Warp warp, uint mask)
    {
        Span<ulong> x = warp.Registers(a), y = warp.Registers(b);
        var bits = 0u;
        for (var lane = 0; lane < Warp.Lanes; lane++)
            if ((mask >> lane & 1) != 0 && compare(x[lane], y[lane])) bits |= 1u << lane;
        var inverted = ~bits;
        if (combine is not null)
        {
            var with = otherNegated ? ~warp.Predicate(other) : warp.Predicate(other);
            (bits, inverted) = (combine(bits, with), combine(inverted, with));
        }
        ref var p = ref warp.Predicate(result);
        p = (p & ~mask) | (bits & mask);
        if (inverse < 0) return;
        ref var q = ref warp.Predicate(inverse);
        q = (q & ~mask) | (inverted & mask);
    }
}

/// <summary>Logic on predicates.</summary>
internal sealed class PredicateOp(Func<uint, uint, uint> compute, int result, int a, int b) : Op
{
    public override void Run(Warp warp, uint mask)
    {
        var bits = compute(a < 0 ? 0 : warp.Predicate(a), b < 0 ? 0 : warp.Predicate(b));
        ref var p = ref warp.Predicate(result);
        p = (p & ~mask) | (bits & mask);
    }
}

/// <summary>a where the predicate holds, else b.</summary>
internal sealed class SelectOp(int result, int a, int b, int predicate) : Op
{
    public override void Run(Warp warp, uint mask)
    {
        Span<ulong> r = warp.Registers(result), x = warp.Registers(a), y = warp.Registers(b);
        var chosen = warp.Predicate(predicate);
        for (var lane = 0; lane < Warp.Lanes; lane++)
            if ((mask >> lane & 1) != 0) r[lane] = (chosen >> lane & 1) != 0 ? x[lane] : y[lane];
    }
}

/// <summary>Two or four registers of a part of 64 bits, or back: mov.b64 {a, b}, c.</summary>
internal sealed class PackOp(int[] results, int[] sources, int partBits) : Op
{
    public override void Run(Warp warp, uint mask)
    {
        var part = (1UL << partBits) - 1;
        for (var lane = 0; lane < Warp.Lanes; lane++)
        {
            if ((mask >> lane & 1) == 0) continue;
            var all = 0UL;
            for (var i = 0; i < sources.Length; i++) all |= (warp.Registers(sources[i])[lane] & (sources.Length > 1 ? part
                : ulong.MaxValue)) << (i * partBits);
            for (var i = 0; i < results.Length; i++) warp.Registers(results[i])[lane] = results.Length > 1 ? all >> (i * partBits) & part
                : all;
        }
    }
}
