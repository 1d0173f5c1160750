using Coppice.Kernels.Numerics;
using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>Every op takes no rows at all, and does nothing.</summary>
public abstract class EmptyRowsTests(Device device) : OpSuite(device)
{
    [Fact]
    public void No_rows_are_no_work()
    {
        Device.Require();
        using var bed = NewBed();
        var b = bed.Backend;
        Tensor none = bed.Output(new Shape(0, 8)), heads = bed.Output(new Shape(0, 2, 4)), ids = bed.Output(new Shape(0), ElementType.I32);
        var row = bed.Place(new Shape(8), new float[8]);
        using var weight = bed.Weight(8, 8, MatrixFormat.BF16, new float[64]);
        b.MatMul(none, weight, default, none);
        b.Embed(ids, weight, 1, none);
        b.RmsNorm(none, row, 0, none);
        b.AddRmsNorm(none, none, 1, row, 0, none);
        b.LayerNorm(none, row, row, 0, none);
        b.Add(none, none, 1, none);
        b.GatedActivation(none, none, Activation.Silu, none);
        b.Map(none, Activation.Gelu, none);
        b.SoftCap(none, 1, 1, none);
        b.Softmax(none, none);
        b.TopK(none, bed.Output(new Shape(0, 1)), bed.Output(new Shape(0, 1), ElementType.I32));
        b.MatMulTopK(none, weight, default, none, bed.Output(new Shape(0, 1)), bed.Output(new Shape(0, 1), ElementType.I32));
        b.CopyRows(none, ids, none);
        var kept = bed.Place(new Shape(1, 8), Noise.Uniform(1, 8));
        b.EmbedMixture(bed.Output(new Shape(0, 2), ElementType.I32), bed.Output(new Shape(0, 2)), ids, weight, 1, kept);
        b.AddRows(none, ids, bed.Output(new Shape(0)), kept);
        var angles = bed.Place(new Shape(1, 2), new float[2]);
        b.Rope(heads, ids, angles, angles, RopePairing.Half);
        var image = new KvImage(2, 4, ElementType.F16, [0]);
        var kv = image.Dense(bed);
        b.KvAppend(kv, heads, heads, 64);
        b.KvMove(kv, [], 0);
        b.Attention(heads, kv, AttentionMask.Causal(64), 1, 0, heads);
        b.Synchronize();
        Compare.SameBits("add_rows and embed_mixture of no rows", Noise.Uniform(1, 8), bed.Floats(kept));
        Compare.Same<byte>("kv_append of no rows", image.Keys, bed.Bytes(kv.Keys));
        bed.RequireSurroundingsUntouched();
    }
}

public sealed class EmptyRowsOnPortable() : EmptyRowsTests(Devices.Portable);
public sealed class EmptyRowsOnAvx2() : EmptyRowsTests(Devices.Avx2);
public sealed class EmptyRowsOnAvx512() : EmptyRowsTests(Devices.Avx512);
public sealed class EmptyRowsOnCpuAccelerator() : EmptyRowsTests(Devices.CpuAccelerator);
public sealed class EmptyRowsOnCuda() : EmptyRowsTests(Devices.Cuda);
