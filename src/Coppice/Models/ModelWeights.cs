using System.Diagnostics.CodeAnalysis;
using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Models;

/// <summary>The two matrices of one expert.</summary>
internal sealed class ExpertWeights
{
    /// <summary>[2 · width, hidden]: gate, then up.</summary>
    public WeightMatrix Up { get; set; } = null!;
    /// <summary>[hidden, width].</summary>
    public WeightMatrix Down { get; set; } = null!;
}

/// <summary>The weights of one layer, in the form the forward pass reads. An empty tensor is one the family does not have.</summary>
internal sealed class LayerWeights
{
    /// <summary>[hidden]; so are all norms but the query's and key's.</summary>
    public Tensor AttentionNorm { get; set; }
    public Tensor AttentionNormBias { get; set; }
    /// <summary>[(queryHeads + 2 · kvHeads) · headDim, hidden].</summary>
    public WeightMatrix Qkv { get; set; } = null!;
    public Tensor QkvBias { get; set; }
    /// <summary>[headDim] or [queryHeads · headDim].</summary>
    public Tensor QueryNorm { get; set; }
    public Tensor KeyNorm { get; set; }
    /// <summary>[hidden, queryHeads · headDim].</summary>
    public WeightMatrix Output { get; set; } = null!;
    public Tensor OutputBias { get; set; }
    public Tensor PostAttentionNorm { get; set; }
    public Tensor PostAttentionNormBias { get; set; }
    public Tensor MlpNorm { get; set; }
    public Tensor MlpNormBias { get; set; }
    /// <summary>[2 · width, hidden], gate then up, or [width, hidden] where the MLP has no gate.</summary>
    public WeightMatrix Up { get; set; } = null!;
    public Tensor UpBias { get; set; }
    /// <summary>[hidden, width].</summary>
    public WeightMatrix Down { get; set; } = null!;
    public Tensor DownBias { get; set; }
    public Tensor PostMlpNorm { get; set; }
    public Tensor PostMlpNormBias { get; set; }
    /// <summary>[experts, hidden]; only in sparse layers, which have no Up and Down.</summary>
    public WeightMatrix Router { get; set; } = null!;
    public ExpertWeights[] Experts { get; set; } = [];
}

/// <summary>All weights of a model and the pool they live in.</summary>
/// <remarks>Filled by the loader, read-only afterwards.</remarks>
internal sealed class ModelWeights : IDisposable
{
    private readonly List<IDisposable> _rented = [];     // from the pool
    private WeightMatrix? _head;

    [SuppressMessage("Style", "IDE0028", Justification = "Every element is a new object.")]
    public ModelWeights(int layers)
    {
        Layers = new LayerWeights[layers];
        for (var i = 0; i < layers; i++) Layers[i] = new LayerWeights();
    }

    /// <summary>[vocabulary, hidden].</summary>
    public WeightMatrix Embedding { get; set; } = null!;
    /// <summary>[positions, hidden], where positions are learned.</summary>
    public WeightMatrix Positions { get; set; } = null!;
    /// <summary>[types, hidden], where tokens have types.</summary>
    public WeightMatrix TokenTypes { get; set; } = null!;
    /// <summary>[hidden], where the sum of the embeddings is normalised.</summary>
    public Tensor EmbeddingNorm { get; set; }
    public Tensor EmbeddingNormBias { get; set; }
    public LayerWeights[] Layers { get; }
    public Tensor FinalNorm { get; set; }
    public Tensor FinalNormBias { get; set; }
    /// <summary>[vocabulary, hidden]; the embedding where the head is tied.</summary>
    public WeightMatrix Head
    {
        get => _head ?? Embedding;
        set => _head = value;
    }
    public Tensor HeadBias { get; set; }
    /// <summary>What holds them all.</summary>
    public MemoryPool? Pool { get; set; }

    /// <summary>Rents a vector from the pool, fills it with <paramref name="values"/> and puts it where it belongs.</summary>
    public void Store(Backend backend, VectorPlan plan, ReadOnlySpan<float> values)
    {
        var vector = Pool!.Rent(new Shape(plan.Length));
        _rented.Add(vector.Buffer);
        backend.Upload(values, vector);
        plan.Assign(vector);
    }

    /// <summary>Rents a matrix from the pool and puts it where it belongs; its rows are still to be written.</summary>
    public WeightMatrix Create(Backend backend, MatrixPlan plan, MatrixFormat format, WeightSettings settings)
    {
        var matrix = backend.CreateWeight(Pool!, plan.Outputs, plan.Inputs, format, settings.Of(format));
        _rented.Add(matrix);
        plan.Assign(matrix);
        return matrix;
    }

    /// <summary>Returns everything and frees the pool.</summary>
    public void Dispose()
    {
        foreach (var rented in _rented) rented.Dispose();
        _rented.Clear();
        Pool?.Dispose();
    }
}
