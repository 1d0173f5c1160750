using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Coppice.Cache;
using Coppice.Execution;
using Coppice.Kernels;
using Coppice.Weights;

namespace Coppice;

/// <summary>
/// What a text showed of a model's keys: how wide each channel of each head and layer ranges, and how much an error of it counts. With
/// <see cref="KvCompression.Calibration"/> bits of keys go where they lower the error of scores most.
/// </summary>
/// <remarks>
/// An error e of channel d adds q[d] e to a score, so it counts with the mean square of q[d] over the text. Heads of a layer divide the
/// layer's bits by both; within a head the channels of each chunk do by the chunk's own ranges and the same weights. Of compressing keys
/// by RoPE pair, layer and head: Block-GTQ (arXiv 2606.24033). A file is a safetensors file of two tensors of 4 bytes for each channel.
/// </remarks>
public sealed class KvCalibration
{
    /// <summary>A file of this name in a model's folder is used where bits of keys go by range and no other calibration is given.</summary>
    public const string FileName = "kv-calibration.safetensors";

    private const string RangesName = "ranges", WeightsName = "weights";
    private const int MostBits = 8;

    private readonly float[] _ranges, _weights;     // [layers, kvHeads, headDim]: mean square range in 64 tokens, mean square of queries

    private KvCalibration(int layers, int kvHeads, int headDim, float[] ranges, float[] weights)
    {
        (Layers, KvHeads, HeadDim, _ranges, _weights) = (layers, kvHeads, headDim, ranges, weights);
        byte[] content = [.. MemoryMarshal.AsBytes<float>(ranges), .. MemoryMarshal.AsBytes<float>(weights)];
        Fingerprint = Convert.ToHexString(SHA256.HashData(content));
    }

    /// <summary>Layers of the model.</summary>
    public int Layers { get; }
    /// <summary>KV heads of a layer.</summary>
    public int KvHeads { get; }
    /// <summary>Elements of a head.</summary>
    public int HeadDim { get; }

    /// <summary>Of the content.</summary>
    internal string Fingerprint { get; }

    /// <summary>Runs a text through <paramref name="model"/> and measures its keys and queries.</summary>
    /// <param name="model">A model that is not an encoder. Others wait meanwhile.</param>
    /// <param name="ids">At least 128 tokens, and no more than the model's context.</param>
    /// <param name="cancellationToken">Takes effect within one pass.</param>
    /// <exception cref="ArgumentException">There are too few or too many tokens, or one is outside the vocabulary.</exception>
    /// <exception cref="DeviceMemoryException">The device does not have the memory for the keys and values of the text.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static KvCalibration Measure(LanguageModel model, IReadOnlyList<int> ids, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(ids);
        model.ThrowIfDisposed();
        const int least = 2 * KvLayout.PageSize;
        if (model.Spec.IsEncoder) throw new ArgumentException("calibration: the model must generate texts, got an encoder.", nameof(model));
        if (ids.Count < least || ids.Count > model.ContextLength)
            throw new ArgumentException(
                $"calibration: a text must have {least} to {model.ContextLength:N0} tokens, got {ids.Count:N0}.", nameof(ids));
        if (ids.FirstOrDefault(id => (uint)id >= (uint)model.VocabularySize, -1) is var wrong and >= 0)
            throw new ArgumentException($"calibration: token ids must be 0..{model.VocabularySize - 1}, got {wrong}.", nameof(ids));
        var geometry = model.Runner.Geometry;
        var sums = new KvSums(geometry, model.Spec.QueryHeads);
        int[] tokens = [.. ids];
        var bytes = DenseKvCache.Bytes(geometry, tokens.Length);
        model.Scheduler.Exclusive(() =>
        {
            using var cache = KvCache.WithOwnMemory(model.Backend, bytes, pool =>
                new ObservedKvCache(model.Backend, pool, geometry, tokens.Length, sums.AddKeys, sums.AddQueries));
            var request = new PassRequest();
            // Whole chunks, so that ranges are those of what is compressed together.
            while (tokens.Length - cache.Length >= KvLayout.PageSize)
            {
                cancellationToken.ThrowIfCancellationRequested();
                request.Stretch(cache, tokens.AsMemory(cache.Length, KvLayout.PageSize), nodes: 0);
                model.Runner.Run(request);
                cache.Advance(KvLayout.PageSize);
            }
        });
        return new KvCalibration(geometry.Layers, geometry.KvHeads, geometry.HeadDim, sums.Ranges(), sums.Weights());
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <exception cref="CheckpointException">The file is missing, damaged, or of another kind.</exception>
    public static KvCalibration Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        using var file = SafetensorsFile.Open(path);
        var (shape, ranges) = Tensor(file, RangesName);
        var (other, weights) = Tensor(file, WeightsName);
        if (!shape.AsSpan().SequenceEqual(other))
            throw new CheckpointException($"{file.Name}: {RangesName} and {WeightsName} must have the same shape.");
        return new KvCalibration((int)shape[0], (int)shape[1], (int)shape[2], ranges, weights);
    }

    /// <summary>Writes a file: 8 bytes for each channel of each head and layer.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The file must not be written.</exception>
    public void Save(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        long[] shape = [Layers, KvHeads, HeadDim];
        using var writer = new SafetensorsWriter(
            path, [(RangesName, SafetensorsType.F32, shape), (WeightsName, SafetensorsType.F32, shape)]);
        writer.Write<float>(_ranges);
        writer.Write<float>(_weights);
        writer.Complete();
    }

    /// <summary>Weights and bits of a layer whose keys have <paramref name="keyBits"/> bits for each channel on average.</summary>
    /// <remarks>
    /// One bit for each channel, then one after another to the channel of any head whose squared error, weight · range² / (2^bits - 1)²,
    /// falls most; of equals the first. A head has what its channels got.
    /// </remarks>
    internal KvKeyWeights OfLayer(int layer, int keyBits)
    {
        var channels = KvHeads * HeadDim;
        var weights = _weights.AsSpan(layer * channels, channels);
        var (bits, heads) = (new int[channels], new int[KvHeads]);
        var gains = new PriorityQueue<int, (double Loss, int Channel)>();
        for (var channel = 0; channel < channels; channel++) Give(channel);
        for (var bit = channels; bit < keyBits * channels; bit++) Give(gains.Dequeue());
        return new KvKeyWeights(weights.ToArray(), heads);

        void Give(int channel)
        {
            heads[channel / HeadDim]++;
            if (++bits[channel] == MostBits) return;
            var square = (double)_weights[layer * channels + channel] * _ranges[layer * channels + channel];
            gains.Enqueue(channel, (-square * (Step(bits[channel]) - Step(bits[channel] + 1)), channel));
        }

        static double Step(int bits) => 1 / Math.Pow((1 << bits) - 1, 2);
    }

    private static (long[] Shape, float[] Numbers) Tensor(SafetensorsFile file, string name)
    {
        if (!file.Tensors.TryGetValue(name, out var entry) || entry.Type != SafetensorsType.F32 || entry.Shape is not { Length: 3 } shape)
            throw new CheckpointException(
                $"{file.Name}: must be a calibration of keys, with a tensor {name} [layers, heads, head dim] of F32.");
        var numbers = MemoryMarshal.Cast<byte, float>(file.Bytes(entry)).ToArray();
        if (Array.Exists(numbers, number => !(number >= 0 && float.IsFinite(number))))
            throw new CheckpointException($"{file.Name}: numbers of {name} must be finite and not negative.");
        return ([.. shape], numbers);
    }
}
