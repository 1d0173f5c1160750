using Coppice.Kernels;
using Coppice.Kernels.Memory;
using Coppice.Weights;

namespace Coppice.Models;

/// <summary>A matrix of a head on the device, and its bias; the bias is empty where there is none.</summary>
internal readonly record struct HeadMatrix(WeightMatrix Weight, Tensor Bias);

/// <summary>One head's weights: see <see cref="HeadPart"/>.</summary>
/// <param name="Residual">A, null for Medusa.</param>
/// <param name="Gate">B, null for Medusa.</param>
/// <param name="Blocks">Residual blocks, in order; one that comes several times is kept once.</param>
/// <param name="Vocabulary">What turns its output into logits.</param>
internal sealed record HeadPartWeights(HeadMatrix? Residual, HeadMatrix? Gate, IReadOnlyList<HeadMatrix> Blocks, HeadMatrix Vocabulary);

/// <summary>What heads without a vocabulary matrix use of the model's own: the stored tensor, for a shortlist of its rows.</summary>
/// <param name="Head">The model's matrix on the device, with its bias: for heads without a shortlist.</param>
/// <param name="Stored">The tensor in the model's files.</param>
internal readonly record struct TiedVocabulary(HeadMatrix Head, CheckpointTensor Stored);

/// <summary>The weights of draft heads on a device, and which token each row of their vocabulary is.</summary>
/// <remarks>Owns its memory, but for a vocabulary matrix that is the model's. Read-only after loading.</remarks>
internal sealed class HeadWeights : IDisposable
{
    private const int BufferPadding = 256;      // no back end aligns buffers further apart

    private readonly List<IDisposable> _rented = [];
    private readonly Backend _backend;
    private readonly HeadTensors _tensors;
    private readonly MatrixFormat? _format;
    private MemoryPool _pool = null!;

    private HeadWeights(Backend backend, HeadTensors tensors, HeadLayout layout, MatrixFormat? format) =>
        (_backend, _tensors, Layout, _format) = (backend, tensors, layout, format);

    /// <summary>What the files hold.</summary>
    public HeadLayout Layout { get; }
    /// <summary>The heads.</summary>
    public IReadOnlyList<HeadPartWeights> Heads { get; private set; } = [];
    /// <summary>The token of each row of the vocabulary matrices; null where row i is token i.</summary>
    public int[]? Tokens { get; private set; }
    /// <summary>Rows of the largest vocabulary matrix.</summary>
    public int VocabularyRows { get; private set; }
    /// <summary>Memory, a vocabulary matrix of the model's not counted.</summary>
    public long Bytes => _pool.Statistics.BytesInUse;

    /// <summary>Loads heads for a model of <paramref name="spec"/>.</summary>
    /// <param name="backend">Where they go.</param>
    /// <param name="spec">The model.</param>
    /// <param name="tensors">Their files; not needed afterwards.</param>
    /// <param name="layout">What the files hold.</param>
    /// <param name="tied">The model's own vocabulary matrix.</param>
    /// <param name="quantized">Whether matrices are kept in 8 bits: what heads propose is verified.</param>
    /// <exception cref="CheckpointException">The heads are for another model, or a part is malformed.</exception>
    /// <exception cref="DeviceMemoryException">The device does not have enough memory.</exception>
    public static HeadWeights Load(
        Backend backend, ModelSpec spec, HeadTensors tensors, HeadLayout layout, TiedVocabulary tied, bool quantized)
    {
        layout.Check(tensors, spec);
        var weights = new HeadWeights(backend, tensors, layout, quantized ? MatrixFormat.Q8 : null);
        try
        {
            weights.Run(spec, tied);
            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>Returns everything and frees the pool.</summary>
    public void Dispose()
    {
        foreach (var rented in _rented) rented.Dispose();
        _rented.Clear();
        _pool?.Dispose();
    }

    private void Run(ModelSpec spec, TiedVocabulary tied)
    {
        Tokens = Layout.TokenMap is { } map ? _tensors.Ids(map, spec.VocabularySize) : null;
        var own = Layout.Heads.SelectMany(Linears).Append(Layout.SharedVocabulary).OfType<HeadLinear>().Sum(BytesOf);
        var shortlist = Tokens is not null && !HasOwnVocabulary
            ? Padded(_backend.WeightBytes(Tokens.Length, spec.HiddenSize, Format(tied.Stored))) + Padded(4L * Tokens.Length) : 0;
        _pool = _backend.CreatePool("draft heads", own + shortlist);
        var shared = Layout.SharedVocabulary is { } stored ? Load(stored, spec.VocabularySize)
            : HasOwnVocabulary ? default
            : Tokens is null ? tied.Head : Shortlist(tied, spec.HiddenSize);
        Heads = [.. Layout.Heads.Select(head => new HeadPartWeights(
            head.Residual is { } residual ? Load(residual) : null,
            head.Gate is { } gate ? Load(gate) : null,
            LoadBlocks(head.Blocks),
            head.Vocabulary is { } vocabulary ? Load(vocabulary, spec.VocabularySize) : shared))];
        VocabularyRows = Heads.Max(head => head.Vocabulary.Weight.Outputs);
        _backend.Synchronize();
    }

    private bool HasOwnVocabulary => Layout.Heads[0].Vocabulary is not null;

    private static IEnumerable<HeadLinear?> Linears(HeadPart head) => [head.Residual, head.Gate, .. head.Blocks, head.Vocabulary];

    /// <summary>Blocks of one module that was listed several times have the same bytes: they are kept, and read, once.</summary>
    private HeadMatrix[] LoadBlocks(IReadOnlyList<HeadLinear> blocks)
    {
        var loaded = new HeadMatrix[blocks.Count];
        for (var i = 0; i < loaded.Length; i++)
        {
            var isCopy = i > 0 && AreEqual(blocks[i - 1].Weight, blocks[i].Weight) && AreEqual(blocks[i - 1].Bias, blocks[i].Bias);
            loaded[i] = isCopy ? loaded[i - 1] : Load(blocks[i]);
        }
        return loaded;
    }

    private bool AreEqual(string? one, string? other) => one is null ? other is null : other is not null && _tensors.AreEqual(one, other);

    /// <summary>A matrix as it is stored, at most <paramref name="most"/> rows of it.</summary>
    private HeadMatrix Load(HeadLinear linear, int most = int.MaxValue)
    {
        var tensor = _tensors[linear.Weight];
        var (rows, columns) = ((int)Math.Min(tensor.Entry.Shape[0], most), checked((int)tensor.Entry.Shape[1]));
        var matrix = Create(rows, columns, Format(tensor));
        var rowBytes = columns * tensor.ElementType.Size();
        // Panels are 32 rows wide.
        var step = Math.Max(32, (1 << 20) / rowBytes / 32 * 32);
        for (var first = 0; first < rows; first += step)
        {
            var count = Math.Min(step, rows - first);
            matrix.Write(first, tensor.Bytes((long)first * rowBytes, count * rowBytes), tensor.ElementType);
        }
        return new HeadMatrix(matrix, linear.Bias is { } bias ? Vector(_tensors.Vector(bias).AsSpan(0, rows)) : default);
    }

    /// <summary>The rows of the model's matrix that are on the shortlist.</summary>
    private HeadMatrix Shortlist(TiedVocabulary tied, int columns)
    {
        var matrix = Create(Tokens!.Length, columns, Format(tied.Stored));
        var rowBytes = columns * tied.Stored.ElementType.Size();
        const int step = 32;
        var rows = new byte[step * rowBytes];
        for (var first = 0; first < Tokens.Length; first += step)
        {
            var count = Math.Min(step, Tokens.Length - first);
            for (var i = 0; i < count; i++)
                tied.Stored.Bytes((long)Tokens[first + i] * rowBytes, rowBytes).CopyTo(rows.AsSpan(i * rowBytes));
            matrix.Write(first, rows.AsSpan(0, count * rowBytes), tied.Stored.ElementType);
        }
        if (tied.Head.Bias.IsEmpty) return new HeadMatrix(matrix, default);
        var all = new float[tied.Head.Bias.Rows];
        _backend.Download(tied.Head.Bias, all.AsSpan());
        return new HeadMatrix(matrix, Vector(Array.ConvertAll(Tokens, token => all[token])));
    }

    private MatrixFormat Format(CheckpointTensor tensor) => _format ?? tensor.ElementType.ToMatrixFormat();

    private WeightMatrix Create(int rows, int columns, MatrixFormat format)
    {
        var activations = format.IsQuantized() ? ActivationFormat.Int8 : ActivationFormat.F32;
        var matrix = _backend.CreateWeight(_pool, rows, columns, format, activations);
        _rented.Add(matrix);
        return matrix;
    }

    private Tensor Vector(ReadOnlySpan<float> values)
    {
        var vector = _pool.Rent(new Shape(values.Length));
        _rented.Add(vector.Buffer);
        _backend.Upload(values, vector);
        return vector;
    }

    private long BytesOf(HeadLinear linear)
    {
        var (tensor, bias) = (_tensors[linear.Weight], linear.Bias is null ? 0 : Padded(4 * _tensors[linear.Bias].Entry.Shape[0]));
        var (outputs, inputs) = (checked((int)tensor.Entry.Shape[0]), checked((int)tensor.Entry.Shape[1]));
        return Padded(_backend.WeightBytes(outputs, inputs, Format(tensor))) + bias;
    }

    private static long Padded(long bytes) => checked((bytes + BufferPadding - 1) / BufferPadding * BufferPadding);
}
