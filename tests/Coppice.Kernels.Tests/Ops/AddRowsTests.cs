using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>Scattered sums against the reference: rows that are chosen gain, the others keep their bits.</summary>
public abstract class AddRowsTests(Device device) : OpSuite(device)
{
    [Fact]
    public void Chosen_rows_gain_and_others_stay() => Check(Cases.Rows, (bed, c) =>
    {
        var tokens = 2 * c.Tokens + 1;
        var x = bed.Place(c.Shape, Noise.Uniform(1, c.Cost));
        var rows = bed.Place(new Shape(c.Tokens), Noise.Permutation(2, tokens).AsSpan(0, c.Tokens));
        var scales = bed.Place(new Shape(c.Tokens), Noise.Uniform(3, c.Tokens));
        var y = bed.Place(new Shape(tokens, c.Width), Noise.Uniform(4, (long)tokens * c.Width));
        bed.Backend.AddRows(x, rows, scales, y);
        return bed.Floats(y);
    }, _ => Tolerances.Add);
}

public sealed class AddRowsOnPortable() : AddRowsTests(Devices.Portable);
public sealed class AddRowsOnAvx2() : AddRowsTests(Devices.Avx2);
public sealed class AddRowsOnAvx512() : AddRowsTests(Devices.Avx512);
public sealed class AddRowsOnCpuAccelerator() : AddRowsTests(Devices.CpuAccelerator);
public sealed class AddRowsOnCuda() : AddRowsTests(Devices.Cuda);
