using Coppice.Kernels.Numerics;
using Coppice.Kernels.Tests.Ops;
using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Identities;

/// <summary>The CPU back end gives the same bits with any number of threads and on every tier.</summary>
public sealed class SameBitsTests
{
    private static readonly Device[] Tiers = [Devices.Portable, Devices.Avx2, Devices.Avx512, Devices.Assembled];

    [Fact]
    public void Products() => Check(Cases.MatMul.Concat(Cases.MatMulLarge), MatMulTests.Run);

    [Fact]
    public void Products_of_quantised_weights() => Check(Cases.MatMulQuantized, MatMulTests.Run);

    [Fact]
    public void Attention() => Check(Cases.Attention, AttentionTests.Run);

    [Fact]
    public void Attention_on_compressed_chunks() => Check(AttendBlocksTests.Blocks, AttendBlocksTests.Run);

    [Theory]
    [InlineData(Activation.Silu)]
    [InlineData(Activation.Gelu)]
    [InlineData(Activation.GeluTanh)]
    [InlineData(Activation.GeluQuick)]
    public void Activations(Activation activation) =>
        Check(Cases.Rows, (bed, c) => Rows(bed, c, (x, y) => bed.Backend.Map(x, activation, y)));

    [Fact]
    public void Softmax() => Check(Cases.Rows, (bed, c) => Rows(bed, c, bed.Backend.Softmax));

    [Fact]
    public void Rms_norms() => Check(Cases.Rows, (bed, c) =>
        Rows(bed, c, (x, y) => bed.Backend.RmsNorm(x, bed.Place(new Shape(c.Width), Noise.Uniform(2, c.Width)), 1e-5f, y)));

    [Fact]
    public void Layer_norms() => Check(Cases.Rows.Where(c => c.Width > 3), (bed, c) =>
        Rows(bed, c, (x, y) => bed.Backend.LayerNorm(x, bed.Place(new Shape(c.Width), Noise.Uniform(2, c.Width)), default, 1e-5f, y)));

    [Fact]
    public void Soft_caps() => Check(Cases.Rows, (bed, c) => Rows(bed, c, (x, y) => bed.Backend.SoftCap(x, 3f, 2f, y)));

    private static float[] Rows(Bed bed, RowsCase c, Action<Tensor, Tensor> run)
    {
        Tensor x = bed.Place(c.Shape, Noise.Uniform(1, c.Cost, 5)), y = bed.Output(c.Shape);
        run(x, y);
        return bed.Floats(y);
    }

    private static void Check<TCase>(IEnumerable<TCase> cases, Func<Bed, TCase, float[]> run)
    {
        var backends = Tiers.Where(t => t.Missing is null).SelectMany(t => t.Backends).ToArray();
        foreach (var c in cases)
        {
            float[]? first = null;
            foreach (var backend in backends)
            {
                using var bed = new Bed(backend, Placement.Plain, onHost: true);
                var result = run(bed, c);
                Compare.SameFiniteBits($"{c} on {backend.Name}, expected what {backends[0].Name} gives", first ??= result, result);
            }
        }
    }
}
