using Coppice.Kernels;

namespace Coppice.Models;

/// <summary>Consecutive rows of a stored tensor that become consecutive rows of a planned one.</summary>
internal readonly record struct RowRun(int Source, int Target, int Count);

/// <summary>A stored tensor, the shape it must have, and where its rows go.</summary>
/// <param name="Name">Name in the checkpoint.</param>
/// <param name="Rows">Rows as the engine sees it: outputs of a matrix, elements of a vector.</param>
/// <param name="Columns">Elements of a row: inputs of a matrix, 1 for a vector.</param>
/// <param name="Transposed">Whether the file stores [columns, rows].</param>
/// <param name="Runs">Which rows go where; together all of them.</param>
internal sealed record WeightPart(string Name, int Rows, int Columns, bool Transposed, IReadOnlyList<RowRun> Runs);

/// <summary>What a matrix is for, which decides whether it is quantised.</summary>
internal enum MatrixUse
{
    /// <summary>Products of the layers.</summary>
    Layer,
    /// <summary>Embedding and head.</summary>
    Vocabulary,
    /// <summary>Router and learned positions: small, and every error of theirs is felt.</summary>
    Exact,
}

/// <summary>A matrix to load: its size, the parts it is made of, and what receives it.</summary>
internal sealed record MatrixPlan(
    int Outputs, int Inputs, IReadOnlyList<WeightPart> Parts, Action<WeightMatrix> Assign, MatrixUse Use = MatrixUse.Layer);

/// <summary>A vector to load as F32, <paramref name="Offset"/> added to every element.</summary>
internal sealed record VectorPlan(int Length, float Offset, IReadOnlyList<WeightPart> Parts, Action<Tensor> Assign);

/// <summary>Everything a model loads, derived from its spec and its family's names before any byte of a weight is read.</summary>
internal sealed class WeightPlan
{
    private readonly ModelSpec _spec;
    private readonly TensorMap _map;

    private WeightPlan(ModelSpec spec, TensorMap map)
    {
        (_spec, _map) = (spec, map);
        Weights = new ModelWeights(spec.Layers.Count);
    }

    /// <summary>What the plans fill.</summary>
    public ModelWeights Weights { get; }
    public List<MatrixPlan> Matrices { get; } = [];
    public List<VectorPlan> Vectors { get; } = [];

    /// <summary>Weights of the model; a tied head counts once.</summary>
    public long ParameterCount => Matrices.Sum(m => (long)m.Outputs * m.Inputs) + Vectors.Sum(v => (long)v.Length);

    /// <summary>Plans the weights of <paramref name="spec"/> under the names of <paramref name="map"/>.</summary>
    public static WeightPlan Build(ModelSpec spec, TensorMap map)
    {
        var plan = new WeightPlan(spec, map);
        var weights = plan.Weights;
        plan.Matrix(TensorRole.Embedding, spec.VocabularySize, spec.HiddenSize, transposed: false, w =>
            weights.Embedding = w, use: MatrixUse.Vocabulary);
        if (spec.LearnedPositions > 0) plan.AddPositions(w => weights.Positions = w);
        if (spec.TokenTypes > 0)
            plan.Matrix(
                TensorRole.TokenTypeEmbedding, spec.TokenTypes, spec.HiddenSize, transposed: false, w => weights.TokenTypes = w,
                use: MatrixUse.Exact);
        if (spec.EmbeddingNorm)
            plan.Norm(TensorRole.EmbeddingNorm, 0, (w, b) => (weights.EmbeddingNorm, weights.EmbeddingNormBias) = (w, b));
        for (var layer = 0; layer < spec.Layers.Count; layer++) plan.AddLayer(layer, weights.Layers[layer]);
        if (spec.Placement != NormPlacement.AfterSum)
            plan.Norm(TensorRole.FinalNorm, 0, (w, b) => (weights.FinalNorm, weights.FinalNormBias) = (w, b));
        if (!spec.TiedHead && !spec.IsEncoder)
            plan.Matrix(
                TensorRole.Head, spec.VocabularySize, spec.HiddenSize, transposed: false, w => weights.Head = w, use: MatrixUse.Vocabulary);
        if (spec.HeadBias) plan.Bias(spec.VocabularySize, [(TensorRole.Head, spec.VocabularySize)], 0, t => weights.HeadBias = t);
        return plan;
    }

    /// <summary>The plan of a model of other sizes under the same names.</summary>
    public WeightPlan For(ModelSpec spec) => Build(spec, _map);

    private void AddPositions(Action<WeightMatrix> assign)
    {
        var (rows, unused, hidden) = (_spec.LearnedPositions, _spec.UnusedPositions, _spec.HiddenSize);
        var name = _map.Name(TensorRole.PositionEmbedding) + ".weight";
        var part = new WeightPart(name, unused + rows, hidden, false, [new RowRun(unused, 0, rows)]);
        Matrices.Add(new MatrixPlan(rows, hidden, [part], assign, MatrixUse.Exact));
    }

    private void AddLayer(int layer, LayerWeights w)
    {
        var before = _spec.Placement is not (NormPlacement.After or NormPlacement.AfterSum);
        var after = _spec.Placement is NormPlacement.After or NormPlacement.BeforeAndAfter or NormPlacement.AfterSum;
        if (before) Norm(TensorRole.AttentionNorm, layer, (n, b) => (w.AttentionNorm, w.AttentionNormBias) = (n, b));
        if (before && _spec.Placement != NormPlacement.ParallelShared)
            Norm(TensorRole.MlpNorm, layer, (n, b) => (w.MlpNorm, w.MlpNormBias) = (n, b));
        if (after) Norm(TensorRole.PostAttentionNorm, layer, (n, b) => (w.PostAttentionNorm, w.PostAttentionNormBias) = (n, b));
        if (after) Norm(TensorRole.PostMlpNorm, layer, (n, b) => (w.PostMlpNorm, w.PostMlpNormBias) = (n, b));
        AddAttention(layer, w);
        if (_spec.Layers[layer].Sparse) AddExperts(layer, w);
        else AddMlp(layer, w);
    }

    private void AddAttention(int layer, LayerWeights w)
    {
        var (queries, keys, hidden) = (_spec.QueryWidth, _spec.KvWidth, _spec.HiddenSize);
        if (_map.Names.ContainsKey(TensorRole.FusedQkv))
        {
            var runs = _map.FusedQkv == FusedQkvLayout.PerHead ? PerHeadRuns() : [new RowRun(0, 0, _spec.QkvWidth)];
            var name = _map.Name(TensorRole.FusedQkv, layer);
            WeightPart[] parts = [new(name + ".weight", _spec.QkvWidth, hidden, _map.Transposed, runs)];
            Matrices.Add(new MatrixPlan(_spec.QkvWidth, hidden, parts, m => w.Qkv = m));
            if (_spec.QkvBias)
                Vectors.Add(new VectorPlan(_spec.QkvWidth, 0, [new(name + ".bias", _spec.QkvWidth, 1, false, runs)], t => w.QkvBias = t));
        }
        else
        {
            (TensorRole, int)[] parts = [(TensorRole.Query, queries), (TensorRole.Key, keys), (TensorRole.Value, keys)];
            Stacked(_spec.QkvWidth, hidden, parts, layer, 0, m => w.Qkv = m);
            if (_spec.QkvBias) Bias(_spec.QkvWidth, parts, layer, t => w.QkvBias = t);
        }
        Matrix(TensorRole.Output, hidden, queries, _map.Transposed, m => w.Output = m, layer);
        if (_spec.OutputBias) Bias(hidden, [(TensorRole.Output, hidden)], layer, t => w.OutputBias = t);
        if (_spec.QkNorm == QkNorm.None) return;
        var perHead = _spec.QkNorm == QkNorm.Head;
        Vector(TensorRole.QueryNorm, perHead ? _spec.HeadDim : queries, layer, t => w.QueryNorm = t);
        Vector(TensorRole.KeyNorm, perHead ? _spec.HeadDim : keys, layer, t => w.KeyNorm = t);
    }

    private void AddMlp(int layer, LayerWeights w)
    {
        var (hidden, width) = (_spec.HiddenSize, _spec.MlpSize);
        if (_spec.GatedMlp && !_map.Names.ContainsKey(TensorRole.FusedGateUp))
        {
            (TensorRole, int)[] parts = [(TensorRole.Gate, width), (TensorRole.Up, width)];
            Stacked(2 * width, hidden, parts, layer, 0, m => w.Up = m);
            if (_spec.MlpBias) Bias(2 * width, parts, layer, t => w.UpBias = t);
        }
        else
        {
            var (role, rows) = _spec.GatedMlp ? (TensorRole.FusedGateUp, 2 * width) : (TensorRole.Up, width);
            Matrix(role, rows, hidden, _map.Transposed, m => w.Up = m, layer);
            if (_spec.MlpBias) Bias(rows, [(role, rows)], layer, t => w.UpBias = t);
        }
        Matrix(TensorRole.Down, hidden, width, _map.Transposed, m => w.Down = m, layer);
        if (_spec.MlpBias) Bias(hidden, [(TensorRole.Down, hidden)], layer, t => w.DownBias = t);
    }

    private void AddExperts(int layer, LayerWeights w)
    {
        var experts = _spec.Experts!;
        Matrix(TensorRole.Router, experts.Count, _spec.HiddenSize, false, m => w.Router = m, layer, use: MatrixUse.Exact);
        w.Experts = new ExpertWeights[experts.Count];
        for (var e = 0; e < experts.Count; e++)
        {
            var expert = w.Experts[e] = new ExpertWeights();
            Stacked(2 * experts.MlpSize, _spec.HiddenSize,
                [(TensorRole.ExpertGate, experts.MlpSize), (TensorRole.ExpertUp, experts.MlpSize)], layer, e, m => expert.Up = m);
            Matrix(TensorRole.ExpertDown, _spec.HiddenSize, experts.MlpSize, false, m => expert.Down = m, layer, e);
        }
    }

    private void Matrix(TensorRole role, int outputs, int inputs, bool transposed, Action<WeightMatrix> assign, int layer = 0,
        int expert = 0, MatrixUse use = MatrixUse.Layer)
    {
        var part = new WeightPart(_map.Name(role, layer, expert) + ".weight", outputs, inputs, transposed, [new RowRun(0, 0, outputs)]);
        Matrices.Add(new MatrixPlan(outputs, inputs, [part], assign, use));
    }

    private void Stacked(
        int outputs, int inputs, ReadOnlySpan<(TensorRole Role, int Rows)> roles, int layer, int expert, Action<WeightMatrix> assign) =>
        Matrices.Add(new MatrixPlan(outputs, inputs, Parts(roles, ".weight", inputs, _map.Transposed, layer, expert), assign));

    private void Bias(int length, ReadOnlySpan<(TensorRole Role, int Rows)> roles, int layer, Action<Tensor> assign) =>
        Vectors.Add(new VectorPlan(length, 0, Parts(roles, ".bias", 1, false, layer, 0), assign));

    private void Vector(TensorRole role, int length, int layer, Action<Tensor> assign) =>
        Vectors.Add(new VectorPlan(length, _map.NormOffset, Parts([(role, length)], ".weight", 1, false, layer, 0), assign));

    private void Norm(TensorRole role, int layer, Action<Tensor, Tensor> assign)
    {
        var (weight, bias) = (default(Tensor), default(Tensor));
        Vector(role, _spec.HiddenSize, layer, t => assign(weight = t, bias));
        if (_spec.Norm == NormKind.Layer) Bias(_spec.HiddenSize, [(role, _spec.HiddenSize)], layer, t => assign(weight, bias = t));
    }

    private List<WeightPart> Parts(
        ReadOnlySpan<(TensorRole Role, int Rows)> roles, string suffix, int columns, bool transposed, int layer, int expert)
    {
        var parts = new List<WeightPart>(roles.Length);
        var target = 0;
        foreach (var (role, rows) in roles)
        {
            parts.Add(new WeightPart(_map.Name(role, layer, expert) + suffix, rows, columns, transposed, [new RowRun(0, target, rows)]));
            target += rows;
        }
        return parts;
    }

    /// <summary>From q₀ k₀ v₀ q₁ k₁ v₁ … to all queries, all keys, all values.</summary>
    private List<RowRun> PerHeadRuns()
    {
        var (dim, heads) = (_spec.HeadDim, _spec.QueryHeads);
        var runs = new List<RowRun>(3 * heads);
        for (var kind = 0; kind < 3; kind++)
        {
            for (var head = 0; head < heads; head++) runs.Add(new RowRun((3 * head + kind) * dim, (kind * heads + head) * dim, dim));
        }
        return runs;
    }
}
