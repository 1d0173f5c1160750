using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Models;

/// <summary>How large one forward pass may be.</summary>
/// <param name="Rows">Tokens in all.</param>
/// <param name="LogitRows">Rows whose logits can be asked for at once.</param>
/// <param name="TreeRows">Nodes of token trees.</param>
/// <param name="PathLength">Largest depth of a node, plus one.</param>
internal readonly record struct WorkspaceSize(int Rows, int LogitRows, int TreeRows, int PathLength)
{
    /// <summary>Best tokens of a row of logits that can be asked for.</summary>
    public const int MaxTopCount = 64;
    /// <summary>Tokens that one row may be a mixture of.</summary>
    public const int MixtureTerms = 32;
}

/// <summary>Every intermediate result of a forward pass, rented once: the token loop rents nothing.</summary>
internal sealed class Workspace : IDisposable
{
    private readonly List<(Shape Shape, ElementType Type, Action<Tensor> Assign)> _layout = [];
    private readonly List<PoolBuffer> _rented = [];
    private readonly MemoryPool? _pool;

    /// <summary>Rents the tensors of passes up to <paramref name="size"/>.</summary>
    /// <exception cref="DeviceMemoryException">The device does not have enough memory.</exception>
    public Workspace(Backend backend, ModelSpec spec, WorkspaceSize size) : this(spec, size)
    {
        _pool = backend.CreatePool("workspace", _layout.Sum(Padded), sparse: true);
        try
        {
            foreach (var (shape, type, assign) in _layout)
            {
                var tensor = _pool.Rent(shape, type);
                _rented.Add(tensor.Buffer);
                assign(tensor);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private Workspace(ModelSpec spec, WorkspaceSize size)
    {
        var (rows, hidden) = (size.Rows, spec.HiddenSize);
        Size = size;
        Add(new Shape(rows), ElementType.I32, t => Tokens = t);
        Add(new Shape(rows), ElementType.I32, t => Positions = t);
        Add(new Shape(rows), ElementType.I32, t => RopePositions = t);
        if (spec.TokenTypes > 0) Add(new Shape(rows), ElementType.I32, t => TokenTypes = t);
        if (!spec.IsEncoder)
        {
            Add(new Shape(rows), ElementType.I32, t => MixedRows = t);
            Add(new Shape(rows, WorkspaceSize.MixtureTerms), ElementType.I32, t => MixtureIds = t);
            Add(new Shape(rows, WorkspaceSize.MixtureTerms), ElementType.F32, t => MixtureWeights = t);
        }
        Add(new Shape(size.TreeRows), ElementType.I32, t => Depths = t);
        Add(new Shape(size.TreeRows, size.PathLength), ElementType.I32, t => Paths = t);
        Add(new Shape(size.LogitRows), ElementType.I32, t => LogitRows = t);
        Add(new Shape(rows, hidden), ElementType.F32, t => Residual = t);
        Add(new Shape(rows, hidden), ElementType.F32, t => Normed = t);
        Add(new Shape(rows, hidden), ElementType.F32, t => Projected = t);
        Add(new Shape(rows, spec.QkvWidth), ElementType.F32, t => Qkv = t);
        Add(new Shape(rows, spec.QueryWidth), ElementType.F32, t => Attended = t);
        var width = Math.Max(spec.MlpSize, spec.Experts?.MlpSize ?? 0);
        Add(new Shape(rows, spec.GatedMlp ? 2 * width : width), ElementType.F32, t => Up = t);
        Add(new Shape(size.LogitRows, hidden), ElementType.F32, t => Gathered = t);
        Add(new Shape(size.LogitRows, spec.VocabularySize), ElementType.F32, t => Logits = t);
        var top = Math.Min(WorkspaceSize.MaxTopCount, spec.VocabularySize);
        Add(new Shape(size.LogitRows, top), ElementType.F32, t => TopLogits = t);
        Add(new Shape(size.LogitRows, top), ElementType.I32, t => TopTokens = t);
        if (spec.Experts is not { } experts) return;
        Add(new Shape(rows, experts.Count), ElementType.F32, t => RouterScores = t);
        Add(new Shape(rows, experts.PerToken), ElementType.F32, t => ExpertWeights = t);
        Add(new Shape(rows, experts.PerToken), ElementType.I32, t => ExpertIndices = t);
        Add(new Shape(rows * experts.PerToken), ElementType.I32, t => ExpertRows = t);
        Add(new Shape(rows * experts.PerToken), ElementType.F32, t => ExpertScales = t);
        Add(new Shape(rows, hidden), ElementType.F32, t => ExpertInput = t);
        Routing = new ExpertRouting(rows, experts);
    }

    public WorkspaceSize Size { get; }
    /// <summary>[rows], I32; so are Positions and RopePositions.</summary>
    public Tensor Tokens { get; private set; }
    public Tensor Positions { get; private set; }
    public Tensor RopePositions { get; private set; }
    /// <summary>[rows], I32; empty where tokens have no types.</summary>
    public Tensor TokenTypes { get; private set; }
    /// <summary>[rows], I32: which rows are mixtures; empty for an encoder, as are the two below.</summary>
    public Tensor MixedRows { get; private set; }
    /// <summary>[rows, terms], I32: their tokens.</summary>
    public Tensor MixtureIds { get; private set; }
    /// <summary>[rows, terms]: the tokens' weights.</summary>
    public Tensor MixtureWeights { get; private set; }
    /// <summary>[treeRows], I32.</summary>
    public Tensor Depths { get; private set; }
    /// <summary>[treeRows, pathLength], I32.</summary>
    public Tensor Paths { get; private set; }
    /// <summary>[logitRows], I32: rows whose logits are computed.</summary>
    public Tensor LogitRows { get; private set; }
    /// <summary>[rows, hidden]: the residual stream, x.</summary>
    public Tensor Residual { get; private set; }
    /// <summary>[rows, hidden]: what a sublayer reads.</summary>
    public Tensor Normed { get; private set; }
    /// <summary>[rows, hidden]: what a sublayer gives.</summary>
    public Tensor Projected { get; private set; }
    /// <summary>[rows, (queryHeads + 2 · kvHeads) · headDim].</summary>
    public Tensor Qkv { get; private set; }
    /// <summary>[rows, queryHeads · headDim].</summary>
    public Tensor Attended { get; private set; }
    /// <summary>[rows, 2 · width], gate then up, or [rows, width].</summary>
    public Tensor Up { get; private set; }
    /// <summary>[logitRows, hidden].</summary>
    public Tensor Gathered { get; private set; }
    /// <summary>[logitRows, vocabulary].</summary>
    public Tensor Logits { get; private set; }
    /// <summary>[logitRows, top]: the largest logits of a row.</summary>
    public Tensor TopLogits { get; private set; }
    /// <summary>[logitRows, top], I32: their tokens.</summary>
    public Tensor TopTokens { get; private set; }
    /// <summary>[rows, experts].</summary>
    public Tensor RouterScores { get; private set; }
    /// <summary>[rows, expertsPerToken].</summary>
    public Tensor ExpertWeights { get; private set; }
    /// <summary>[rows, expertsPerToken], I32.</summary>
    public Tensor ExpertIndices { get; private set; }
    /// <summary>[rows · expertsPerToken], I32: rows grouped by expert.</summary>
    public Tensor ExpertRows { get; private set; }
    /// <summary>[rows · expertsPerToken]: their weights.</summary>
    public Tensor ExpertScales { get; private set; }
    /// <summary>[rows, hidden]: rows of one expert; its output takes the place of its input.</summary>
    public Tensor ExpertInput { get; private set; }
    /// <summary>The host's side of a mixture of experts.</summary>
    public ExpertRouting? Routing { get; }
    /// <summary>Bytes in use.</summary>
    public long BytesInUse => _pool?.Statistics.BytesInUse ?? 0;

    /// <summary>Memory that a workspace of <paramref name="size"/> takes.</summary>
    public static long Bytes(ModelSpec spec, WorkspaceSize size)
    {
        using var unrented = new Workspace(spec, size);
        return unrented._layout.Sum(Padded);
    }

    /// <summary>What has been rented and returned.</summary>
    public PoolStatistics? Statistics => _pool?.Statistics;

    /// <summary>Returns and frees the memory.</summary>
    public void Dispose()
    {
        foreach (var buffer in _rented) buffer.Dispose();
        _rented.Clear();
        _pool?.Dispose();
    }

    private static long Padded((Shape Shape, ElementType Type, Action<Tensor> Assign) item) =>
        (item.Shape.Count * item.Type.Size() + 256) / 256 * 256;

    private void Add(Shape shape, ElementType type, Action<Tensor> assign) => _layout.Add((shape, type, assign));
}
