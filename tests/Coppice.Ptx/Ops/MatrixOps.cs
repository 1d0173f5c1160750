using System.Runtime.InteropServices;
using Coppice.Ptx.Execution;
using Coppice.Ptx.Reports;
using Coppice.Ptx.Text;

namespace Coppice.Ptx.Ops;

/// <summary>ldmatrix: 1, 2 or 4 matrices of 8 x 8 elements of 16 bits; lane l gets two neighbours of row l / 4.</summary>
/// <remarks>Row r of matrix i begins at the address of lane 8 i + r. Source: PTX ISA 7.8, 9.7.13.4.15.</remarks>
internal sealed class LoadMatrixOp(int[] results, int address, long offset, bool transposed) : AccessOp(address, offset, 16, 1)
{
    public override void Run(Warp warp, uint mask)
    {
        if (mask != Warp.All)
        {
            warp.Report(FaultKind.MissingLanes, $"only lanes {mask:x8} execute it");
            return;
        }
        var used = results.Length == 4 ? Warp.All : (1u << (8 * results.Length)) - 1;
        Count(warp, used, isShared: true);
        var rows = new ushort[results.Length * 8][];
        for (var lane = 0; lane < rows.Length; lane++)
        {
            rows[lane] = new ushort[8];
            var at = AddressOf(warp, lane);
            if (!AllowedShared(warp, at, lane, 16)) continue;
            NoteSharedRead(warp, (int)(at - SharedMemory.Base), lane, 16);
            MemoryMarshal.Cast<byte, ushort>(warp.Block.Shared.Bytes.AsSpan((int)(at - SharedMemory.Base), 16)).CopyTo(rows[lane]);
        }
        for (var matrix = 0; matrix < results.Length; matrix++)
            for (var lane = 0; lane < Warp.Lanes; lane++)
            {
                var (row, column) = (lane / 4, lane % 4 * 2);
                warp.Registers(results[matrix])[lane] = transposed
                    ? (ulong)rows[8 * matrix + column + 1][row] << 16 | rows[8 * matrix + column][row]
                    : (ulong)rows[8 * matrix + row][column + 1] << 16 | rows[8 * matrix + row][column];
            }
    }
}

/// <summary>mma.sync m16n8kK: D [16, 8] = A [16, K] B [K, 8] + C, fragments spread over the lanes.</summary>
/// <remarks>
/// With g = lane / 4 and t = lane mod 4, a register of A holds 4 / size neighbours along k: register 0 row g, 1 row g + 8, then the same
/// half of K further; k begins at t · (4 / size). B: column g. C and D: rows g and g + 8, columns 2 t and 2 t + 1.
/// Source: PTX ISA 7.8, 9.7.13.4.
/// </remarks>
internal sealed class MatrixOp(int[] d, int[] a, int[] b, int[] c, PtxType element, int depth) : Op
{
    private readonly int _perRegister = 4 / element.Bytes;

    public override void Run(Warp warp, uint mask)
    {
        if (mask != Warp.All)
        {
            warp.Report(FaultKind.MissingLanes, $"only lanes {mask:x8} execute it");
            return;
        }
        var (left, right) = (new double[16, depth], new double[depth, 8]);
        var step = 4 * _perRegister;        // k of one register over the four lanes of a row
        for (var lane = 0; lane < Warp.Lanes; lane++)
        {
            var (g, t) = (lane / 4, lane % 4);
            for (var register = 0; register < a.Length; register++)
                for (var i = 0; i < _perRegister; i++)
                    left[g + 8 * (register % 2), register / 2 * step + t * _perRegister + i] = Element(warp.Registers(a[register])[lane],
                        i);
            for (var register = 0; register < b.Length; register++)
                for (var i = 0; i < _perRegister; i++)
                    right[register * step + t * _perRegister + i, g] = Element(warp.Registers(b[register])[lane], i);
        }
        var isInteger = element.Kind is TypeKind.Signed or TypeKind.Unsigned;
        Span<double> products = stackalloc double[depth];
        Span<ulong> results = stackalloc ulong[4 * Warp.Lanes];
        for (var lane = 0; lane < Warp.Lanes; lane++)
            for (var i = 0; i < 4; i++)
            {
                var (row, column) = (lane / 4 + 8 * (i / 2), lane % 4 * 2 + i % 2);
                for (var k = 0; k < depth; k++) products[k] = left[row, k] * right[k, column];
                var start = warp.Registers(c[i])[lane];
                results[4 * lane + i] = isInteger ? Sum(products, (int)start) : Bits.Of(Sum(products, Bits.F32(start),
                    warp.Launch.Options));
            }
        for (var lane = 0; lane < Warp.Lanes; lane++)
            for (var i = 0; i < 4; i++) warp.Registers(d[i])[lane] = results[4 * lane + i];
    }

    private double Element(ulong register, int index)
    {
        var bits = register >> (element.Bits * index) & element.Mask;
        return element.Kind switch
        {
            TypeKind.Signed => Bits.Signed(bits, element.Bytes),
            TypeKind.Unsigned => bits,
            _ => Bits.Real(bits, element),
        };
    }

    private static ulong Sum(ReadOnlySpan<double> products, int start)
    {
        var sum = start;
        foreach (var product in products) sum = unchecked(sum + (int)product);
        return (uint)sum;
    }

    private static float Sum(ReadOnlySpan<double> products, float start, MachineOptions options)
    {
        if (options.Rounding == MatrixRounding.Exact)
        {
            // Products of two 16-bit numbers and their sums fit a double but for what its last bits lose, far below F32's.
            double sum = start;
            for (var k = 0; k < products.Length; k++) sum += products[options.ReverseOrder ? products.Length - 1 - k : k];
            return (float)sum;
        }
        var accumulator = start;
        for (var first = 0; first < products.Length; first += 8)
            accumulator = Truncated(products[first..Math.Min(first + 8, products.Length)], accumulator);
        return accumulator;
    }

    /// <summary>Everything aligned to the largest exponent and cut off below 24 bits, then added and cut off to F32.</summary>
    private static float Truncated(ReadOnlySpan<double> products, float accumulator)
    {
        var largest = Math.Abs((double)accumulator);
        foreach (var product in products) largest = Math.Max(largest, Math.Abs(product));
        if (largest == 0 || !double.IsFinite(largest))
        {
            var plain = (double)accumulator;
            foreach (var product in products) plain += product;
            return (float)plain;
        }
        var unit = Math.ScaleB(1, Math.ILogB(largest) - 23);
        var sum = Math.Truncate(accumulator / unit);
        foreach (var product in products) sum += Math.Truncate(product / unit);
        return TowardZero(sum * unit);
    }

    private static float TowardZero(double value)
    {
        var rounded = (float)value;
        return Math.Abs((double)rounded) > Math.Abs(value) ? (value > 0 ? MathF.BitDecrement(rounded) : MathF.BitIncrement(rounded))
            : rounded;
    }
}
