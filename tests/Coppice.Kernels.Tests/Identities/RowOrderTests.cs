using Coppice.Kernels.Numerics;
using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Identities;

/// <summary>Contract C1 for the ops that work row by row: a row alone has the bits of the row in the batch.</summary>
public abstract class RowOrderTests(Device device) : OpSuite(device)
{
    private static readonly RowsCase[] OrderCases =
        [.. from width in new[] { 1, 18, 65, 257, 576 } from tokens in new[] { 2, 7, 33 } select new RowsCase(tokens, 0, width)];

    [Fact]
    public void Rms_norm_of_a_row_alone() => Check("rms_norm", (bed, x, y) => bed.Backend.RmsNorm(x, Weight(bed, x), 1e-5f, y));

    [Fact]
    public void Layer_norm_of_a_row_alone() =>
        Check("layer_norm", (bed, x, y) => bed.Backend.LayerNorm(x, Weight(bed, x), default, 1e-5f, y));

    [Fact]
    public void Softmax_of_a_row_alone() => Check("softmax", (bed, x, y) => bed.Backend.Softmax(x, y));

    [Fact]
    public void Gated_activation_of_a_row_alone() =>
        Check("gated_activation", (bed, x, y) => bed.Backend.GatedActivation(x, x, Activation.Silu, y));

    [Fact]
    public void Gelu_of_a_row_alone() => Check("map", (bed, x, y) => bed.Backend.Map(x, Activation.Gelu, y));

    [Fact]
    public void Soft_cap_of_a_row_alone() => Check("soft_cap", (bed, x, y) => bed.Backend.SoftCap(x, 3f, 2f, y));

    private void Check(string op, Action<Bed, Tensor, Tensor> run) => ForEach(OrderCases, c =>
    {
        using var bed = NewBed(Placement.All[c.Width % Placement.All.Count]);
        Tensor x = bed.Place(c.Shape, Noise.Uniform(1, c.Cost, 3)), y = bed.Output(c.Shape);
        run(bed, x, y);
        var whole = bed.Floats(y);
        for (var m = 0; m < c.Tokens; m++)
        {
            run(bed, x.Slice(m, 1), y.Slice(0, 1));
            Compare.SameFiniteBits($"{op} {c}: row {m} on {bed.Backend.Name}", whole.AsSpan(m * c.Width, c.Width),
                bed.Floats(y.Slice(0, 1)));
        }
    });

    private static Tensor Weight(Bed bed, Tensor x) => bed.Place(new Shape(x.Last), Noise.Uniform(2, x.Last));
}

public sealed class RowOrderOnPortable() : RowOrderTests(Devices.Portable);
public sealed class RowOrderOnAvx2() : RowOrderTests(Devices.Avx2);
public sealed class RowOrderOnAvx512() : RowOrderTests(Devices.Avx512);
public sealed class RowOrderOnCpuAccelerator() : RowOrderTests(Devices.CpuAccelerator);
public sealed class RowOrderOnCuda() : RowOrderTests(Devices.Cuda);
