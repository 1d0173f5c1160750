using Coppice.Kernels.Numerics;

namespace Coppice.Models;

/// <summary>Which normalisation a family uses everywhere.</summary>
internal enum NormKind
{
    /// <summary>Root mean square, weight only.</summary>
    Rms,
    /// <summary>Mean and variance, weight and bias.</summary>
    Layer,
    /// <summary>Mean and variance, weight only.</summary>
    LayerWithoutBias,
}

/// <summary>Where a layer normalises.</summary>
internal enum NormPlacement
{
    /// <summary>x += attention(norm(x)); x += mlp(norm(x)).</summary>
    Before,
    /// <summary>x += norm(attention(x)); x += norm(mlp(x)).</summary>
    After,
    /// <summary>x += norm(attention(norm(x))); x += norm(mlp(norm(x))).</summary>
    BeforeAndAfter,
    /// <summary>
    /// x = norm(x + attention(x)); x = norm(x + mlp(x)); the last layer's sum is normalised by its own norm, so none follows.
    /// </summary>
    AfterSum,
    /// <summary>h = norm(x); x += attention(h) + mlp(h).</summary>
    ParallelShared,
    /// <summary>x += attention(norm₁(x)) + mlp(norm₂(x)).</summary>
    ParallelSeparate,
}

/// <summary>What RMS norms queries and keys get before RoPE.</summary>
internal enum QkNorm
{
    /// <summary>None.</summary>
    None,
    /// <summary>One weight [headDim], each head on its own.</summary>
    Head,
    /// <summary>One weight over the whole projection.</summary>
    Projection,
}

/// <summary>How one layer differs from the others.</summary>
/// <param name="Window">Sliding window of attention, 0 for none.</param>
/// <param name="Rope">Index into <see cref="ModelSpec.Ropes"/>, or null where the layer does not turn queries and keys.</param>
/// <param name="Sparse">Whether the MLP is a mixture of experts.</param>
internal sealed record LayerSpec(int Window, int? Rope, bool Sparse);

/// <summary>A mixture of experts: softmax over all, the best few run.</summary>
/// <param name="Count">Experts in a layer.</param>
/// <param name="PerToken">Experts that one token runs.</param>
/// <param name="MlpSize">Width of one expert.</param>
/// <param name="Normalize">Whether the chosen probabilities are divided by their sum.</param>
internal sealed record ExpertSpec(int Count, int PerToken, int MlpSize, bool Normalize);

/// <summary>Everything the forward pass needs to know of a model: sizes, and each choice between families as data.</summary>
/// <remarks>Immutable. Read outside Models only for sizes; every switch is read in exactly one place.</remarks>
internal sealed record ModelSpec
{
    public required string ModelType { get; init; }
    public required int VocabularySize { get; init; }
    public required int HiddenSize { get; init; }
    public required int QueryHeads { get; init; }
    public required int KvHeads { get; init; }
    public required int HeadDim { get; init; }
    public required int MlpSize { get; init; }
    /// <summary>Positions the model was made for.</summary>
    public required int ContextLength { get; init; }
    public required IReadOnlyList<LayerSpec> Layers { get; init; }
    public required float NormEpsilon { get; init; }

    public NormKind Norm { get; init; } = NormKind.Rms;
    public NormPlacement Placement { get; init; } = NormPlacement.Before;
    public QkNorm QkNorm { get; init; } = QkNorm.None;
    public Activation Activation { get; init; } = Activation.Silu;
    /// <summary>down(f(gate(x)) · up(x)) rather than down(f(up(x))).</summary>
    public bool GatedMlp { get; init; } = true;
    public bool QkvBias { get; init; }
    public bool OutputBias { get; init; }
    public bool MlpBias { get; init; }
    public bool HeadBias { get; init; }
    /// <summary>The output matrix is the embedding.</summary>
    public bool TiedHead { get; init; }

    /// <summary>Position encodings that layers refer to by index.</summary>
    public IReadOnlyList<RopeSpec> Ropes { get; init; } = [];
    /// <summary>Rows of a learned position table, 0 for none.</summary>
    public int LearnedPositions { get; init; }
    /// <summary>Rows of the stored table before that of position 0, which no token has.</summary>
    public int UnusedPositions { get; init; }
    /// <summary>
    /// Rows of a table of token types that is added to the embedding, 0 for none; the tokens of a text are all of type 0.
    /// </summary>
    public int TokenTypes { get; init; }
    /// <summary>Whether the sum of the embeddings is normalised.</summary>
    public bool EmbeddingNorm { get; init; }

    /// <summary>
    /// An encoder: every token attends to all of its text, and there is no head, so that it gives states and no tokens. A text runs in one
    /// pass.
    /// </summary>
    public bool IsEncoder { get; init; }
    /// <summary>Layers whose keys and values are kept: an encoder needs those of one layer only while that layer runs.</summary>
    public int KvLayers => IsEncoder ? 1 : Layers.Count;

    public required float AttentionScale { get; init; }
    /// <summary>Soft cap of attention scores, 0 for none.</summary>
    public float AttentionSoftCap { get; init; }
    /// <summary>Soft cap of logits, 0 for none.</summary>
    public float LogitSoftCap { get; init; }
    public float LogitScale { get; init; } = 1;
    public float EmbeddingScale { get; init; } = 1;
    public float ResidualScale { get; init; } = 1;

    public ExpertSpec? Experts { get; init; }

    /// <summary>Width of the queries: queryHeads · headDim.</summary>
    public int QueryWidth => QueryHeads * HeadDim;
    /// <summary>Width of the keys, and of the values: kvHeads · headDim.</summary>
    public int KvWidth => KvHeads * HeadDim;
    /// <summary>Width of the fused projection: queries, keys, values.</summary>
    public int QkvWidth => QueryWidth + 2 * KvWidth;
    /// <summary>
    /// Positions that the model cannot go beyond: a learned table's, or those up to which a dynamic rotation is plain. Null for none.
    /// </summary>
    public int? PositionLimit =>
        LearnedPositions > 0 ? LearnedPositions : Ropes.Any(r => r.Scaling == RopeScaling.Dynamic) ? ContextLength : null;
    /// <summary>Positions above which every position of a pass turns by other frequencies (longrope), or null.</summary>
    public int? LongPositionsFrom => Ropes.Count > 0 && Ropes[0].LongFactors is not null ? Ropes[0].OriginalContext : null;
}
