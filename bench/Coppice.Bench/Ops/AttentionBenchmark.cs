using BenchmarkDotNet.Attributes;
using Coppice.Kernels;

namespace Coppice.Bench;

/// <summary>Attention of one token over a context, in every storage of keys and values, with the heads of SmolLM2.</summary>
public class AttentionBenchmark : OpBenchmark
{
    private const int QueryHeads = 9, KvHeads = 3, HeadDim = 64;
    private const float Scale = 0.125f;
    private float[] _queries = [], _keys = [], _values = [];
    private Tensor _q, _y;
    private DenseKv _kv;

    [Params(64, 1024, 8192)]
    public int Context { get; set; }

    [Params(ElementType.F32, ElementType.F16, ElementType.BF16)]
    public ElementType Type { get; set; }

    public override double Bytes => 2.0 * Context * KvHeads * HeadDim * Type.Size();
    public override double Flops => 4.0 * Context * QueryHeads * HeadDim;

    protected override void Prepare()
    {
        var (width, pages) = (KvHeads * HeadDim, KvLayout.Pages(Context));
        (_queries, _keys, _values) = (Noise(QueryHeads * HeadDim), Noise(Context * width), Noise(Context * width));
        (_q, _y) = (Place(new Shape(1, QueryHeads, HeadDim), _queries), Output(new Shape(1, QueryHeads, HeadDim)));
        _kv = new DenseKv(Output(KvLayout.Keys(pages, KvHeads, HeadDim), Type), Output(KvLayout.Values(pages, KvHeads, HeadDim), Type));
        var (k, v) = (Place(new Shape(Context, KvHeads, HeadDim), _keys), Place(new Shape(Context, KvHeads, HeadDim), _values));
        Backend.KvAppend(_kv, k, v, 0);
    }

    /// <summary>Scores of 64 products are off by less than 2⁻²⁰, and so are the weights and their mean of values in ±1, twice.</summary>
    protected override void Check()
    {
        Attention();
        var y = Read<float>(_y);
        var weights = new double[Context];
        for (var head = 0; head < QueryHeads; head++)
        {
            var kvHead = head * KvHeads / QueryHeads;
            for (var position = 0; position < Context; position++)
            {
                var score = 0.0;
                for (var d = 0; d < HeadDim; d++)
                {
                    var key = Stored(_keys[(position * KvHeads + kvHead) * HeadDim + d], Type.ToMatrixFormat());
                    score += _queries[head * HeadDim + d] * key;
                }
                weights[position] = Math.Exp(Scale * score);
            }
            var sum = weights.Sum();
            for (var d = 0; d < HeadDim; d++)
            {
                var expected = 0.0;
                for (var position = 0; position < Context; position++)
                {
                    var value = Stored(_values[(position * KvHeads + kvHead) * HeadDim + d], Type.ToMatrixFormat());
                    expected += weights[position] / sum * value;
                }
                Require(expected, y[head * HeadDim + d], 4.0 / (1 << 20), $"attention [{head}, {d}]");
            }
        }
    }

    [Benchmark]
    public void Attention() => Backend.Attention(_q, _kv, AttentionMask.Causal(Context - 1), Scale, 0, _y);
}
