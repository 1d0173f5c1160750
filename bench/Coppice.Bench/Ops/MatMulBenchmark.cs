using BenchmarkDotNet.Attributes;
using Coppice.Kernels;

namespace Coppice.Bench;

/// <summary>Matrix products of decoding (one row) and prefill (many), in every weight format.</summary>
public class MatMulBenchmark : OpBenchmark
{
    private float[] _input = [], _weights = [];
    private Tensor _x, _y;
    private WeightMatrix _w = null!;

    [Params(MatrixFormat.F32, MatrixFormat.F16, MatrixFormat.BF16)]
    public MatrixFormat Format { get; set; }

    [Params(1, 8, 64, 512)]
    public int Rows { get; set; }

    [Params("1536x576", "49152x576", "2048x2048")]
    public string Outputs { get; set; } = "1x1";

    public override double Bytes => (double)N * Format.RowBytes(K) + 4.0 * Rows * (N + K);
    public override double Flops => 2.0 * Rows * N * K;

    private int N => int.Parse(Outputs.AsSpan(0, Outputs.IndexOf('x', StringComparison.Ordinal)),
        System.Globalization.CultureInfo.InvariantCulture);
    private int K => int.Parse(Outputs.AsSpan(Outputs.IndexOf('x', StringComparison.Ordinal) + 1),
        System.Globalization.CultureInfo.InvariantCulture);

    protected override void Prepare()
    {
        (_input, _weights) = (Noise(Rows * K), Noise(N * K));
        (_x, _y) = (Place(new Shape(Rows, K), _input), Output(new Shape(Rows, N)));
        _w = Weight(N, K, Format, _weights);
    }

    /// <summary>Some elements of every row; n products in ±1 and their sums are off by less than n · 2⁻²⁴ · √n / 3.</summary>
    protected override void Check()
    {
        MatMul();
        var y = Read<float>(_y);
        for (var row = 0; row < Rows; row++)
        {
            for (var output = row % 7; output < N; output += N / 13)
            {
                var sum = 0.0;
                for (var k = 0; k < K; k++) sum += _input[row * K + k] * Stored(_weights[output * K + k], Format);
                Require(sum, y[row * N + output], K * Math.Sqrt(K) / (1 << 24), $"matmul [{row}, {output}]");
            }
        }
    }

    [Benchmark]
    public void MatMul() => Backend.MatMul(_x, _w, default, _y);
}
