using BenchmarkDotNet.Attributes;
using Coppice.Kernels;

namespace Coppice.Bench;

/// <summary>Root mean square and layer norms.</summary>
public class NormBenchmark : OpBenchmark
{
    private const float Epsilon = 1e-5f;
    private float[] _input = [], _weights = [];
    private Tensor _x, _weight, _bias, _y;

    [Params(1, 512)]
    public int Rows { get; set; }

    [Params(576, 4096)]
    public int Width { get; set; }

    public override double Bytes => 4.0 * (2L * Rows * Width + Width);
    public override double Flops => 4.0 * Rows * Width;

    protected override void Prepare()
    {
        (_input, _weights) = (Noise(Rows * Width), Noise(Width));
        (_x, _y) = (Place(new Shape(Rows, Width), _input), Output(new Shape(Rows, Width)));
        (_weight, _bias) = (Place(new Shape(Width), _weights), Place(new Shape(Width), _weights));
    }

    protected override void Check()
    {
        RmsNorm();
        Compare(centre: false);
        LayerNorm();
        Compare(centre: true);
    }

    [Benchmark]
    public void RmsNorm() => Backend.RmsNorm(_x, _weight, Epsilon, _y);

    [Benchmark]
    public void LayerNorm() => Backend.LayerNorm(_x, _weight, _bias, Epsilon, _y);

    /// <summary>A sum of n terms in ±1 is off by less than n · 2⁻²⁴ of their mean size.</summary>
    private void Compare(bool centre)
    {
        var y = Read<float>(_y);
        for (var row = 0; row < Rows; row++)
        {
            var x = _input.AsSpan(row * Width, Width);
            var (mean, squares) = (0.0, 0.0);
            if (centre) foreach (var value in x) mean += (double)value / Width;
            foreach (var value in x) squares += (value - mean) * (value - mean) / Width;
            for (var i = 0; i < Width; i += 61)
            {
                var expected = _weights[i] * (x[i] - mean) / Math.Sqrt(squares + Epsilon) + (centre ? _weights[i] : 0);
                Require(expected, y[row * Width + i], 4.0 * Width / (1 << 24), $"norm [{row}, {i}]");
            }
        }
    }
}
