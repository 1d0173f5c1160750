using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>y = o / l, and zeros for a row that saw nothing.</summary>
public abstract class MergeBlocksTests(Device device) : OpSuite(device)
{
    private static readonly RowsCase[] Rows = [new(1, 1, 1), new(3, 2, 17), new(5, 9, 64), new(40, 4, 128)];

    [Fact, Trait(Settings, Every)]
    public void Outputs_are_divided_by_their_sums()
    {
        Check(Rows, Run, _ => Tolerances.MergeBlocks);
    }

    private static float[] Run(Bed bed, RowsCase c)
    {
        var states = Noise.Uniform(1, (long)c.Tokens * c.Heads * (c.Width + 2));
        for (var i = 0; i < c.Tokens * c.Heads; i++)
        {
            ref var sum = ref states[(i + 1) * (c.Width + 2) - 1];
            sum = i % 4 == 3 ? 0f : 1.5f + sum;
        }
        var y = bed.Output(c.Shape);
        bed.Backend.MergeBlocks(bed.Place(new Shape(c.Tokens, c.Heads, c.Width + 2), states), y);
        return bed.Floats(y);
    }
}

public sealed class MergeBlocksOnPortable() : MergeBlocksTests(Devices.Portable);
public sealed class MergeBlocksOnAvx2() : MergeBlocksTests(Devices.Avx2);
public sealed class MergeBlocksOnAvx512() : MergeBlocksTests(Devices.Avx512);
public sealed class MergeBlocksOnCpuAccelerator() : MergeBlocksTests(Devices.CpuAccelerator);
public sealed class MergeBlocksOnCuda() : MergeBlocksTests(Devices.Cuda);
