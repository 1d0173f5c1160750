using System.Runtime.CompilerServices;
using Coppice.Kernels.Memory;
using Coppice.Kernels.Numerics;

namespace Coppice.Kernels.Simd;

/// <summary>W [outputs, inputs] in panels of 16 outputs; see <see cref="PanelLayout"/>.</summary>
internal sealed unsafe class PanelMatrix : WeightMatrix
{
    private const int Width = PanelLayout.Width;

    private readonly PanelLayout _layout;

    internal PanelMatrix(Backend owner, PoolBuffer buffer, int outputs, int inputs, MatrixFormat format, ActivationFormat activations)
        : base(owner, buffer, outputs, inputs, format, activations)
    {
        _layout = new PanelLayout(outputs, inputs, format);
        if (outputs % Width != 0) new Span<byte>(Panel(Panels - 1), checked((int)_layout.PanelBytes)).Clear();
        if (!format.IsQuantized() && inputs % 2 != 0)
            for (var panel = 0; panel < Panels; panel++)
                new Span<byte>(Panel(panel) + (long)(Pairs - 1) * _layout.PairBytes, _layout.PairBytes).Clear();
    }

    internal ref readonly PanelLayout Layout => ref _layout;
    internal int Panels => _layout.Panels;
    internal int Pairs => _layout.Inputs / 2;
    internal long PanelBytes => _layout.PanelBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* Panel(int panel) => (byte*)Buffer.Address + panel * _layout.PanelBytes;

    protected override void WriteCore(int firstOutput, int count, ReadOnlySpan<byte> rows, ElementType source)
    {
        fixed (byte* bytes = rows)
        {
            if (Format.IsQuantized()) Quantize(bytes, firstOutput, count, source);
            else if (Format != MatrixFormat.F32 && source.ToMatrixFormat() == Format) Interleave((ushort*)bytes, firstOutput, count);
            else Convert(bytes, firstOutput, count, source);
        }
        if (Format == MatrixFormat.F16) RequireFinite(firstOutput, count);
    }

    /// <summary>
    /// Copies rows of the same 16-bit type. Whole panels go sixteen rows at a time, so that each line of a panel is written once.
    /// </summary>
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
    [MethodImpl(Compiled.Alone)]
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

    [MethodImpl(Compiled.Alone)]
    private void Convert(byte* rows, int firstOutput, int count, ElementType source)
    {
        for (var i = 0; i < count; i++)
        {
            var output = firstOutput + i;
            var panel = Panel(output / Width);
            var lane = output % Width;
            for (var k = 0; k < Inputs; k++)
            {
                var value = Element(rows, (long)i * Inputs + k, source);
                switch (Format)
                {
                    case MatrixFormat.F32: ((float*)panel)[k * Width + lane] = value; break;
                    case MatrixFormat.F16:
                        ((ushort*)panel)[(k >> 1) * 2 * Width + 2 * lane + (k & 1)] = BitConverter.HalfToUInt16Bits((Half)value);
                        break;
                    default: ((ushort*)panel)[(k >> 1) * 2 * Width + 2 * lane + (k & 1)] = BFloat16.FromSingle(value); break;
                }
            }
        }
    }

    /// <summary>Chooses codes group by group; inputs that are not there are zeros, and so are their activations.</summary>
    [MethodImpl(Compiled.Alone)]
    private void Quantize(byte* rows, int firstOutput, int count, ElementType source)
    {
        const int group = PanelLayout.Group;
        Span<float> weights = stackalloc float[group];
        Span<byte> codes = stackalloc byte[group];
        for (var i = 0; i < count; i++)
        {
            var panel = Panel((firstOutput + i) / Width);
            var lane = (firstOutput + i) % Width;
            for (var g = 0; g < _layout.Groups; g++)
            {
                var present = Math.Min(group, Inputs - g * group);
                for (var k = 0; k < present; k++) weights[k] = Element(rows, (long)i * Inputs + g * group + k, source);
                codes.Clear();
                var target = panel + (long)g * _layout.CodeBytes + 4 * lane;
                var parameters = (ushort*)(panel + _layout.ParameterOffset + (long)g * _layout.ParameterBytes);
                if (Format == MatrixFormat.Q8)
                {
                    var signed = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, sbyte>(codes);
                    parameters[lane] = BitConverter.HalfToUInt16Bits((Half)QuantizedGroup.EncodeQ8(weights[..present], signed));
                    for (var k = 0; k < group; k++) target[(k >> 2) * PanelLayout.WordBytes + (k & 3)] = (byte)(signed[k] + 128);
                    continue;
                }
                var (scale, minimum) = QuantizedGroup.EncodeQ4(weights[..present], codes);
                parameters[lane] = BitConverter.HalfToUInt16Bits((Half)scale);
                parameters[Width + lane] = BitConverter.HalfToUInt16Bits((Half)minimum);
                for (var k = 0; k < group / 2; k++)
                {
                    var low = (k >> 2) * 8 + (k & 3);
                    target[(k >> 2) * PanelLayout.WordBytes + (k & 3)] = (byte)(codes[low] | codes[low + 4] << 4);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Element(byte* rows, long index, ElementType source) => source switch
    {
        ElementType.F32 => ((float*)rows)[index],
        ElementType.F16 => (float)BitConverter.UInt16BitsToHalf(((ushort*)rows)[index]),
        _ => BFloat16.ToSingle(((ushort*)rows)[index]),
    };

    /// <summary>
    /// The widening of F16 panels has no infinities, so a weight that is none of the format's finite numbers is refused here.
    /// </summary>
    [MethodImpl(Compiled.Alone)]
    private void RequireFinite(int firstOutput, int count)
    {
        for (var i = firstOutput; i < firstOutput + count; i++)
        {
            var lane = (ushort*)Panel(i / Width) + 2 * (i % Width);
            for (var k = 0; k < Inputs; k++)
                if ((lane[(k >> 1) * 2 * Width + (k & 1)] & 0x7c00) == 0x7c00)
                    throw new ArgumentException(
                        $"weight: F16 weights must be finite and at most 65504, got another at [{i}, {k}] (load as F32 or BF16).");
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
                MatrixFormat.F32 => ((float*)panel)[k * Width + lane],
                MatrixFormat.F16 => (float)BitConverter.UInt16BitsToHalf(((ushort*)panel)[(k >> 1) * 2 * Width + 2 * lane + (k & 1)]),
                MatrixFormat.BF16 => BFloat16.ToSingle(((ushort*)panel)[(k >> 1) * 2 * Width + 2 * lane + (k & 1)]),
                _ => Dequantized(panel, lane, k),
            };
        }
    }

    private float Dequantized(byte* panel, int lane, int k)
    {
        var group = k / PanelLayout.Group;
        var parameters = (ushort*)(panel + _layout.ParameterOffset + (long)group * _layout.ParameterBytes);
        var scale = (float)BitConverter.UInt16BitsToHalf(parameters[lane]);
        if (Format == MatrixFormat.Q8) return (panel[(k >> 2) * PanelLayout.WordBytes + 4 * lane + (k & 3)] - 128) * scale;
        var pair = panel[(k >> 3) * PanelLayout.WordBytes + 4 * lane + (k & 3)];
        var code = (k & 4) == 0 ? pair & 15 : pair >> 4;
        return MathF.FusedMultiplyAdd(code, scale, (float)BitConverter.UInt16BitsToHalf(parameters[Width + lane]));
    }
}
