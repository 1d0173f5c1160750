using BenchmarkDotNet.Attributes;
using Coppice.Decoding.Sampling;
using Coppice.Kernels;
using Coppice.Kernels.Numerics;

namespace Coppice.Bench;

/// <summary>RoPE on the heads of SmolLM2's size.</summary>
public class RopeBenchmark : OpBenchmark
{
    private const int Heads = 9, HeadDim = 64, Half = HeadDim / 2;
    private float[] _input = [];
    private Tensor _x, _positions, _cosines, _sines;

    [Params(1, 512)]
    public int Rows { get; set; }

    public override double Bytes => 8.0 * Rows * Heads * HeadDim;
    public override double Flops => 3.0 * Rows * Heads * HeadDim;

    protected override void Prepare()
    {
        _input = Noise(Rows * Heads * HeadDim);
        _x = Place(new Shape(Rows, Heads, HeadDim), _input);
        _positions = Place(new Shape(Rows), Enumerable.Range(0, Rows).ToArray());
        var angles = Enumerable.Range(0, Rows * Half).Select(i => (double)(i / Half) * Math.Pow(10000, -2.0 * (i % Half) / HeadDim))
            .ToArray();
        _cosines = Place(new Shape(Rows, Half), angles.Select(angle => (float)Math.Cos(angle)).ToArray());
        _sines = Place(new Shape(Rows, Half), angles.Select(angle => (float)Math.Sin(angle)).ToArray());
    }

    protected override void Check()
    {
        Rope();
        var x = Read<float>(_x);
        for (var i = 0; i < x.Length; i += 37)
        {
            var (pair, position) = (i % HeadDim % Half, i / (Heads * HeadDim));
            var (sine, cosine) = Math.SinCos(position * Math.Pow(10000, -2.0 * pair / HeadDim));
            var expected = i % HeadDim < Half ? _input[i] * cosine - _input[i + Half] * sine : _input[i] * cosine + _input[i - Half] * sine;
            Require(expected, x[i], 4.0 / (1 << 23), $"rope [{i}]");
        }
    }

    [Benchmark]
    public void Rope() => Backend.Rope(_x, _positions, _cosines, _sines, RopePairing.Half);
}

/// <summary>The gate of an MLP: SiLU(gate) · up.</summary>
public class GatedActivationBenchmark : OpBenchmark
{
    private const int Width = 1536;
    private float[] _first = [], _second = [];
    private Tensor _gate, _up, _y;

    [Params(1, 512)]
    public int Rows { get; set; }

    public override double Bytes => 12.0 * Rows * Width;
    public override double Flops => 0;

    protected override void Prepare()
    {
        (_first, _second) = (Noise(Rows * Width), Noise(Rows * Width));
        (_gate, _up, _y) = (Place(new Shape(Rows, Width), _first), Place(new Shape(Rows, Width), _second), Output(new Shape(Rows, Width)));
    }

    protected override void Check()
    {
        GatedActivation();
        var y = Read<float>(_y);
        for (var i = 0; i < y.Length; i += 41)
            Require(_first[i] / (1 + Math.Exp(-_first[i])) * _second[i], y[i], 1e-6, $"gated_activation [{i}]");
    }

    [Benchmark]
    public void GatedActivation() => Backend.GatedActivation(_gate, _up, Activation.Silu, _y);
}

/// <summary>The largest logits of a vocabulary.</summary>
public class TopKBenchmark : OpBenchmark
{
    private const int Width = 49152;
    private float[] _input = [];
    private Tensor _x, _values, _indices;

    [Params(1, 20)]
    public int K { get; set; }

    public override double Bytes => 4.0 * Width;
    public override double Flops => 0;

    protected override void Prepare()
    {
        _input = Noise(Width);
        (_x, _values, _indices) = (Place(new Shape(1, Width), _input), Output(new Shape(1, K)), Output(new Shape(1, K), ElementType.I32));
    }

    protected override void Check()
    {
        TopK();
        var expected = Enumerable.Range(0, Width).OrderByDescending(i => _input[i]).ThenBy(i => i).Take(K);
        if (!expected.SequenceEqual(Read<int>(_indices)))
            throw new InvalidOperationException("top_k: the indices must be those of the largest values, largest first.");
    }

    [Benchmark]
    public void TopK() => Backend.TopK(_x, _values, _indices);
}

/// <summary>The head of SmolLM2: logits alone, and with the largest of each row.</summary>
public class HeadBenchmark : OpBenchmark
{
    private const int Vocabulary = 49152, Width = 576, K = 8;
    private WeightMatrix _head = null!;
    private Tensor _x, _logits, _values, _indices;

    [Params(1, 8)]
    public int Rows { get; set; }

    public override double Bytes => 2.0 * Vocabulary * Width + 4.0 * Rows * (Vocabulary + Width);
    public override double Flops => 2.0 * Rows * Vocabulary * Width;

    protected override void Prepare()
    {
        _head = Weight(Vocabulary, Width, MatrixFormat.BF16, Noise(Vocabulary * Width));
        (_x, _logits) = (Place(new Shape(Rows, Width), Noise(Rows * Width)), Output(new Shape(Rows, Vocabulary)));
        (_values, _indices) = (Output(new Shape(Rows, K)), Output(new Shape(Rows, K), ElementType.I32));
    }

    protected override void Check()
    {
        LogitsAndLargest();
        var (logits, indices) = (Read<float>(_logits), Read<int>(_indices));
        for (var row = 0; row < Rows; row++)
        {
            var expected = Enumerable.Range(0, Vocabulary).OrderByDescending(i => logits[row * Vocabulary + i]).ThenBy(i => i).Take(K);
            if (!expected.SequenceEqual(indices.Skip(row * K).Take(K)))
                throw new InvalidOperationException("head: the indices must be those of the largest logits, largest first.");
        }
    }

    [Benchmark]
    public void Logits() => Backend.MatMul(_x, _head, default, _logits);

    [Benchmark]
    public void LogitsThenLargest()
    {
        Backend.MatMul(_x, _head, default, _logits);
        Backend.TopK(_logits, _values, _indices);
    }

    [Benchmark]
    public void LogitsAndLargest() => Backend.MatMulTopK(_x, _head, default, _logits, _values, _indices);
}

/// <summary>Rows of an embedding table.</summary>
public class EmbedBenchmark : OpBenchmark
{
    private const int Vocabulary = 49152, Width = 576;
    private float[] _weights = [];
    private Tensor _ids, _y;
    private WeightMatrix _table = null!;

    [Params(1, 512)]
    public int Rows { get; set; }

    public override double Bytes => (2.0 + 4) * Rows * Width;
    public override double Flops => 0;

    protected override void Prepare()
    {
        _weights = Noise(Vocabulary * Width);
        _table = Weight(Vocabulary, Width, MatrixFormat.BF16, _weights);
        (_ids, _y) = (Place(new Shape(Rows), Enumerable.Range(0, Rows).Select(Id).ToArray()), Output(new Shape(Rows, Width)));
    }

    protected override void Check()
    {
        Embed();
        var y = Read<float>(_y);
        for (var i = 0; i < y.Length; i += 31)
            Require(Stored(_weights[Id(i / Width) * Width + i % Width], MatrixFormat.BF16), y[i], 0, $"embed [{i}]");
    }

    [Benchmark]
    public void Embed() => Backend.Embed(_ids, _table, 1, _y);

    private static int Id(int row) => (int)((row * 7919L + 5) % Vocabulary);
}
