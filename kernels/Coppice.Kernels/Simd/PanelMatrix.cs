using System.Runtime.CompilerServices;
using Coppice.Kernels.Memory;
using Coppice.Kernels.Numerics;

namespace Coppice.Kernels.Simd;

/// <summary>W [outputs, inputs] as panels of 16 outputs with the inputs in pairs, so that one 64-byte load gives 16 outputs at k and k + 1.</summary>
/// <remarks>
/// 16-bit: [panel][k / 2][16 outputs][2]; F32: [panel][k / 2][2][16 outputs]. Lanes run over outputs and k is sequential, which is the exact order of
/// contract C1 for one row of x as for five hundred. Outputs are padded to whole panels and inputs to whole pairs with zeros.
/// Example: 16-bit element (o = 20, k = 5) is panel 1, pair 2, output 4, odd: word ((1 · pairs + 2) · 16 + 4) · 2 + 1.
/// </remarks>
internal sealed unsafe class PanelMatrix : WeightMatrix
{
    internal const int Width = 16;

    internal PanelMatrix(Backend owner, PoolBuffer buffer, int outputs, int inputs, ElementType format) : base(owner, buffer, outputs, inputs, format)
    {
        if (outputs % Width != 0 || inputs % 2 != 0) new Span<byte>((byte*)Panel(Panels - 1), (int)PanelBytes).Clear();
        if (inputs % 2 != 0)
            for (var panel = 0; panel < Panels; panel++) new Span<byte>(Panel(panel) + (Pairs - 1) * PairBytes, PairBytes).Clear();
    }

    internal int Panels => (Outputs + Width - 1) / Width;
    internal int Pairs => (Inputs + 1) / 2;
    /// <summary>Bytes of 16 outputs at k and k + 1.</summary>
    internal int PairBytes => 2 * Width * Format.Size();
    internal long PanelBytes => (long)Pairs * PairBytes;

    internal static long BytesFor(int outputs, int inputs, ElementType format) =>
        checked((long)((outputs + Width - 1) / Width) * ((inputs + 1) / 2) * 2 * Width * format.Size());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* Panel(int panel) => (byte*)Buffer.Address + panel * PanelBytes;

    protected override void WriteCore(int firstOutput, int count, ReadOnlySpan<byte> rows, ElementType source)
    {
        fixed (byte* bytes = rows)
        {
            if (Format.Size() == 2 && source == Format) Interleave((ushort*)bytes, firstOutput, count);
            else Convert(bytes, firstOutput, count, source);
        }
        if (Format == ElementType.F16) RequireFinite(firstOutput, count);
    }

    /// <summary>Copies rows of the same 16-bit type. Whole panels go sixteen rows at a time, so that each line of a panel is written once.</summary>
    private void Interleave(ushort* rows, int firstOutput, int count)
    {
        var done = 0;
        while (done < count)
        {
            var lane = (firstOutput + done) % Width;
            var lanes = Math.Min(Width - lane, count - done);
            var panel = (ushort*)Panel((firstOutput + done) / Width) + 2 * lane;
            var row = rows + (long)done * Inputs;
            if (lanes == Width && Inputs % 2 == 0 && ((nint)row & 3) == 0)
            {
                InterleavePanel((uint*)row, (uint*)panel);
            }
            else
            {
                for (var o = 0; o < lanes; o++)
                    for (var k = 0; k < Inputs; k++) panel[(k >> 1) * 2 * Width + 2 * o + (k & 1)] = row[(long)o * Inputs + k];
            }
            done += lanes;
        }
    }

    /// <summary>Transposes [16, pairs] words into [pairs, 16].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void InterleavePanel(uint* rows, uint* panel)
    {
        const int block = 16;   // 16 x 16 words: 1 KB in, 1 KB out, both in L1
        var pairs = Pairs;
        for (var p0 = 0; p0 < pairs; p0 += block)
        {
            var end = Math.Min(p0 + block, pairs);
            for (var o = 0; o < Width; o++)
            {
                var row = rows + (long)o * pairs;
                for (var p = p0; p < end; p++) panel[p * Width + o] = row[p];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Convert(byte* rows, int firstOutput, int count, ElementType source)
    {
        for (var i = 0; i < count; i++)
        {
            var output = firstOutput + i;
            var panel = Panel(output / Width);
            var lane = output % Width;
            for (var k = 0; k < Inputs; k++)
            {
                var index = (long)i * Inputs + k;
                var value = source switch
                {
                    ElementType.F32 => ((float*)rows)[index],
                    ElementType.F16 => (float)BitConverter.UInt16BitsToHalf(((ushort*)rows)[index]),
                    _ => BFloat16.ToSingle(((ushort*)rows)[index]),
                };
                switch (Format)
                {
                    case ElementType.F32: ((float*)panel)[((k >> 1) * 2 + (k & 1)) * Width + lane] = value; break;
                    case ElementType.F16: ((ushort*)panel)[(k >> 1) * 2 * Width + 2 * lane + (k & 1)] = BitConverter.HalfToUInt16Bits((Half)value); break;
                    default: ((ushort*)panel)[(k >> 1) * 2 * Width + 2 * lane + (k & 1)] = BFloat16.FromSingle(value); break;
                }
            }
        }
    }

    /// <summary>The widening of F16 panels has no infinities, so a weight that is none of the format's finite numbers is refused here.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void RequireFinite(int firstOutput, int count)
    {
        for (var i = firstOutput; i < firstOutput + count; i++)
        {
            var lane = (ushort*)Panel(i / Width) + 2 * (i % Width);
            for (var k = 0; k < Inputs; k++)
                if ((lane[(k >> 1) * 2 * Width + (k & 1)] & 0x7c00) == 0x7c00)
                    throw new ArgumentException($"weight: F16 weights must be finite and at most 65504, got another at [{i}, {k}] (load as F32 or BF16).");
        }
    }

    /// <summary>Element (output, k), widened.</summary>
    internal float this[int output, int k]
    {
        get
        {
            var panel = Panel(output / Width);
            var lane = output % Width;
            return Format switch
            {
                ElementType.F32 => ((float*)panel)[k * Width + lane],
                ElementType.F16 => (float)BitConverter.UInt16BitsToHalf(((ushort*)panel)[(k >> 1) * 2 * Width + 2 * lane + (k & 1)]),
                _ => BFloat16.ToSingle(((ushort*)panel)[(k >> 1) * 2 * Width + 2 * lane + (k & 1)]),
            };
        }
    }
}
