using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>Gathered rows, bit for bit, in any order and with repetitions.</summary>
public abstract class CopyRowsTests(Device device) : OpSuite(device)
{
    [Fact]
    public void Rows_are_gathered_exactly() => Check(Cases.Rows.Concat(Cases.RowsSweep), (bed, c) =>
    {
        var count = 2 * c.Tokens - 1;
        var x = bed.Place(c.Shape, Noise.Uniform(1, c.Cost));
        var rows = bed.Place(new Shape(count), Noise.Integers(2, count, c.Tokens));
        var y = bed.Output(new Shape(count, c.Width));
        bed.Backend.CopyRows(x, rows, y);
        return bed.Floats(y);
    }, _ => Tolerances.Exact);
}

public sealed class CopyRowsOnPortable() : CopyRowsTests(Devices.Portable);
public sealed class CopyRowsOnAvx2() : CopyRowsTests(Devices.Avx2);
public sealed class CopyRowsOnAvx512() : CopyRowsTests(Devices.Avx512);
public sealed class CopyRowsOnCpuAccelerator() : CopyRowsTests(Devices.CpuAccelerator);
public sealed class CopyRowsOnCuda() : CopyRowsTests(Devices.Cuda);
