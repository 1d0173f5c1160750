using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Coppice.Kernels;
using Coppice.Kernels.Numerics;
using Coppice.Weights;

namespace Coppice.Models;

/// <summary>
/// Brings the weights of a checkpoint into a back end's memory: names checked both ways, quirks folded, rows streamed from the mapped file.
/// </summary>
internal sealed class WeightLoader
{
    private const int ChunkBytes = 2 << 20;
    private const int BufferPadding = 256;      // no back end aligns buffers further apart

    private readonly Backend _backend;
    private readonly Checkpoint _checkpoint;
    private readonly WeightPlan _plan;
    private readonly WeightSettings _settings;

    private WeightLoader(Backend backend, Checkpoint checkpoint, WeightPlan plan, WeightSettings settings) =>
        (_backend, _checkpoint, _plan, _settings) = (backend, checkpoint, plan, settings);

    /// <summary>Loads the weights of <paramref name="plan"/>, once.</summary>
    /// <param name="backend">Where they go.</param>
    /// <param name="checkpoint">Where they come from; not needed afterwards.</param>
    /// <param name="plan">The plan of <see cref="CheckpointPlan.Of"/> for the checkpoint.</param>
    /// <param name="settings">How matrices are kept.</param>
    /// <param name="threads">Threads that convert rows.</param>
    /// <param name="progress">Gets the bytes of the file done so far, from any thread.</param>
    /// <param name="cancellation">Looked at before each piece of a file.</param>
    /// <exception cref="DeviceMemoryException">The device does not have enough memory.</exception>
    public static ModelWeights Load(
        Backend backend, Checkpoint checkpoint, WeightPlan plan, WeightSettings settings, int threads, Action<long, long>? progress = null,
        CancellationToken cancellation = default) =>
        new WeightLoader(backend, checkpoint, plan, settings).Run(threads, progress, cancellation);

    /// <summary>Bytes that the weights take on <paramref name="backend"/> with <paramref name="settings"/>.</summary>
    public static long Bytes(Backend backend, Checkpoint checkpoint, WeightPlan plan, WeightSettings settings) =>
        plan.Matrices.Sum(m => Padded(backend.WeightBytes(m.Outputs, m.Inputs, settings.Of(m, checkpoint))))
        + plan.Vectors.Sum(v => Padded(4L * v.Length));

    private static long Padded(long bytes) => checked((bytes + BufferPadding - 1) / BufferPadding * BufferPadding);

    private ModelWeights Run(int threads, Action<long, long>? progress, CancellationToken cancellation)
    {
        var needed = Bytes(_backend, _checkpoint, _plan, _settings);
        if (needed > _backend.AvailableBytes)
            throw new DeviceMemoryException(
                $"weights: {needed:N0} bytes must fit on {_backend.Name}, but {_backend.AvailableBytes:N0} are available (choose a smaller "
                + "weight format or model).");
        var weights = _plan.Weights;
        try
        {
            weights.Pool = _backend.CreatePool("weights", needed);
            foreach (var vector in _plan.Vectors) LoadVector(vector);
            LoadMatrices(threads, progress, cancellation);
            _backend.Synchronize();
            return weights;
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    private void LoadVector(VectorPlan plan)
    {
        var values = new float[plan.Length];
        foreach (var part in plan.Parts)
        {
            var tensor = _checkpoint.Tensors[part.Name];
            var stored = new float[part.Rows];
            Widen(tensor.Bytes(0, (int)tensor.Entry.Bytes), tensor.ElementType, stored);
            foreach (var run in part.Runs) stored.AsSpan(run.Source, run.Count).CopyTo(values.AsSpan(run.Target, run.Count));
        }
        if (plan.Offset != 0)
        {
            for (var i = 0; i < values.Length; i++) values[i] += plan.Offset;
        }
        _plan.Weights.Store(_backend, plan, values);
    }

    private void LoadMatrices(int threads, Action<long, long>? progress, CancellationToken cancellation)
    {
        var chunks = new List<Chunk>();
        var total = 0L;
        foreach (var plan in _plan.Matrices)
        {
            var matrix = _plan.Weights.Create(_backend, plan, _settings.Of(plan, _checkpoint), _settings);
            foreach (var part in plan.Parts) Cut(chunks, matrix, part);
            total += plan.Parts.Sum(p => _checkpoint.Tensors[p.Name].Entry.Bytes);
        }
        var done = 0L;
        try
        {
            Parallel.ForEach(chunks,
                new ParallelOptions { MaxDegreeOfParallelism = Math.Max(threads, 1), CancellationToken = cancellation }, chunk =>
            {
                Write(chunk);
                var bytes = (long)chunk.Run.Count * chunk.Part.Columns * chunk.Tensor.ElementType.Size();
                progress?.Invoke(Interlocked.Add(ref done, bytes), total);
            });
        }
        catch (AggregateException e)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }

    private sealed record Chunk(WeightMatrix Matrix, CheckpointTensor Tensor, WeightPart Part, RowRun Run);

    /// <summary>
    /// Cuts a part's rows into pieces of about <see cref="ChunkBytes"/> whose first rows are multiples of 32, as panels are.
    /// </summary>
    private void Cut(List<Chunk> chunks, WeightMatrix matrix, WeightPart part)
    {
        var tensor = _checkpoint.Tensors[part.Name];
        var rowBytes = (long)part.Columns * tensor.ElementType.Size();
        var rows = rowBytes > ChunkBytes ? 1 : (int)Math.Clamp(ChunkBytes / rowBytes / 32 * 32, 32, 1 << 16);
        foreach (var run in part.Runs)
        {
            for (var first = 0; first < run.Count; first += rows)
                chunks.Add(
                    new Chunk(matrix, tensor, part, new RowRun(run.Source + first, run.Target + first, Math.Min(rows, run.Count - first))));
        }
    }

    private static void Write(Chunk chunk)
    {
        var (matrix, tensor, part, run) = chunk;
        var size = tensor.ElementType.Size();
        var bytes = checked(run.Count * part.Columns * size);
        if (!part.Transposed)
        {
            matrix.Write(run.Target, tensor.Bytes((long)run.Source * part.Columns * size, bytes), tensor.ElementType);
            return;
        }
        var buffer = ArrayPool<byte>.Shared.Rent(bytes);
        for (var column = 0; column < part.Columns; column++)
        {
            var source = tensor.Bytes(((long)column * part.Rows + run.Source) * size, run.Count * size);
            for (var row = 0; row < run.Count; row++)
                source.Slice(row * size, size).CopyTo(buffer.AsSpan((row * part.Columns + column) * size, size));
        }
        matrix.Write(run.Target, buffer.AsSpan(0, bytes), tensor.ElementType);
        ArrayPool<byte>.Shared.Return(buffer);
    }

    /// <summary>Elements of a file, little-endian and at any address, as F32.</summary>
    private static void Widen(ReadOnlySpan<byte> source, ElementType type, Span<float> target)
    {
        for (var i = 0; i < target.Length; i++)
        {
            target[i] = type switch
            {
                ElementType.F16 => (float)BinaryPrimitives.ReadHalfLittleEndian(source[(2 * i)..]),
                ElementType.BF16 => BFloat16.ToSingle(BinaryPrimitives.ReadUInt16LittleEndian(source[(2 * i)..])),
                _ => BinaryPrimitives.ReadSingleLittleEndian(source[(4 * i)..]),
            };
        }
    }
}
