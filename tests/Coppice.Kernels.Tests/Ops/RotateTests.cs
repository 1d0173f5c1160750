using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>H x / √n against the matrix, and that it undoes itself.</summary>
public abstract class RotateTests(Device device) : OpSuite(device)
{
    private static readonly RowsCase[] Rows =
        [new(1, 1, 1), new(3, 2, 2), new(2, 3, 16), new(5, 9, 64), new(3, 3, 80), new(2, 4, 96), new(40, 4, 128), new(2, 1, 17)];

    [Fact, Trait(Settings, Every)]
    public void Heads_are_multiplied_by_the_matrix()
    {
        Check(Rows, (bed, c) => Run(bed, c, 1), c => Tolerances.Rotate(c.Width));
    }

    [Fact]
    public void Twice_is_as_before()
    {
        ForEach(Rows, c =>
        {
            using var bed = NewBed();
            Compare.Within($"{c}", Noise.Uniform(1, c.Cost), Run(bed, c, 2), Tolerances.Rotate(c.Width));
        });
    }

    private static float[] Run(Bed bed, RowsCase c, int times)
    {
        var x = bed.Place(c.Shape, Noise.Uniform(1, c.Cost));
        for (var i = 0; i < times; i++) bed.Backend.Rotate(x);
        return bed.Floats(x);
    }
}

public sealed class RotateOnPortable() : RotateTests(Devices.Portable);
public sealed class RotateOnAvx2() : RotateTests(Devices.Avx2);
public sealed class RotateOnAvx512() : RotateTests(Devices.Avx512);
public sealed class RotateOnCpuAccelerator() : RotateTests(Devices.CpuAccelerator);
public sealed class RotateOnCuda() : RotateTests(Devices.Cuda);
