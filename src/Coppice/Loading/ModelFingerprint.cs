using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Coppice.Kernels;
using Coppice.Models;
using Coppice.Weights;

namespace Coppice.Loading;

/// <summary>Tells models apart whose keys and values must not be mixed.</summary>
internal static class ModelFingerprint
{
    /// <summary>Bytes of a tensor that are looked at in each of three places.</summary>
    private const int SampleBytes = 1024;
    private const long LargestConfig = 64 << 20;

    /// <summary>The SHA-256, 32 bytes, of what keys and values are computed from.</summary>
    /// <remarks>
    /// Covers config.json byte by byte; how weights and activations are kept; the name, type, shape and first, middle and last KiB of every
    /// tensor; how keys and values are compressed; and the device, because its sums differ from those of others in the last bits
    /// (processors count as one). Not the tokenizer, the length of the context or how keys and values are stored that are not compressed.
    /// Two checkpoints that differ in other bytes of their tensors only have the same fingerprint: training changes all of a tensor, an
    /// edit by hand may not. How weights are split into files does not matter. Time: 3 KiB a tensor, about a millisecond for a hundred
    /// tensors that were read just before.
    /// </remarks>
    /// <param name="folder">Where config.json is.</param>
    /// <param name="checkpoint">Its weights.</param>
    /// <param name="settings">How they are kept.</param>
    /// <param name="compression">How keys and values are compressed; null where they are not.</param>
    /// <param name="backend">What computes.</param>
    /// <exception cref="CheckpointException">config.json cannot be read.</exception>
    public static byte[] Of(string folder, Checkpoint checkpoint, WeightSettings settings, KvCompression? compression, Backend backend)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add(hash, CheckpointFile.ReadAll(Path.Combine(folder, "config.json"), LargestConfig));
        Add(hash, $"{settings.Format} {settings.Activations} {settings.QuantizeVocabulary}");
        Add(hash, backend.HostThreads is null ? backend.Name : "cpu");
        if (compression is not null) Add(hash, compression.Description);
        foreach (var (name, tensor) in checkpoint.Tensors.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            Add(hash, $"{name} {tensor.Entry.Type} {tensor.Entry.ShapeText}");
            var bytes = tensor.Entry.Bytes;
            var count = (int)Math.Min(bytes, SampleBytes);
            Add(hash, tensor.Bytes(0, count));
            Add(hash, tensor.Bytes((bytes - count) / 2, count));
            Add(hash, tensor.Bytes(bytes - count, count));
        }
        return hash.GetHashAndReset();
    }

    private static void Add(IncrementalHash hash, string text) => Add(hash, Encoding.UTF8.GetBytes(text));

    /// <summary>Each part with its length in front, so that no two lists of parts read the same.</summary>
    private static void Add(IncrementalHash hash, ReadOnlySpan<byte> part)
    {
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, part.Length);
        hash.AppendData(length);
        hash.AppendData(part);
    }
}
