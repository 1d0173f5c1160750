using Coppice.Kernels.Numerics;

namespace Coppice.Kernels.Tests.Reference;

internal sealed partial class ReferenceBackend
{
    /// <summary>y = x + scale · delta.</summary>
    protected override void AddCore(Tensor x, Tensor delta, float scale, Tensor y) => Each(x, delta, y, (a, d) => a + scale * d);

    /// <summary>y = cap · tanh(scale · x / cap), or scale · x.</summary>
    protected override void SoftCapCore(Tensor x, float scale, float cap, Tensor y) =>
        Each(x, x, y, (a, _) => Capped((double)scale * a, cap));

    private protected override void MapCore<TActivation>(Tensor x, Tensor y)
    {
        var f = Function<TActivation>();
        Each(x, x, y, (a, _) => f(a));
    }

    private protected override void GatedActivationCore<TActivation>(Tensor gate, Tensor up, Tensor y)
    {
        var f = Function<TActivation>();
        Each(gate, up, y, (g, u) => f(g) * u);
    }

    private static double Capped(double x, double cap) => cap == 0 ? x : cap * Math.Tanh(x / cap);

    /// <summary>The formula of each activation in <see cref="Activation"/>.</summary>
    private static Func<double, double> Function<TActivation>() => default(TActivation) switch
    {
        Silu => x => x / (1 + Math.Exp(-x)),
        Gelu => x => x * NormalDistribution.Cumulative(x),
        GeluTanh => x => x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))) / 2,
        GeluQuick => x => x / (1 + Math.Exp(-1.702 * x)),
        Relu => x => Math.Max(x, 0),
        ReluSquared => x => Math.Max(x, 0) * Math.Max(x, 0),
        _ => throw new NotSupportedException($"the reference has no formula for {typeof(TActivation).Name}"),
    };

    private static void Each(in Tensor a, in Tensor b, in Tensor y, Func<double, double, double> f)
    {
        for (var row = 0; row < y.Rows; row++)
        {
            Span<float> from = Row(a, row), with = Row(b, row), to = Row(y, row);
            for (var i = 0; i < to.Length; i++) to[i] = (float)f(from[i], with[i]);
        }
    }
}
