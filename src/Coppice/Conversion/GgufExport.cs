using Coppice.Loading;
using Coppice.Models;
using Coppice.Text;
using Coppice.Text.Files;
using Coppice.Weights;
using Coppice.Weights.Gguf;

namespace Coppice.Conversion;

/// <summary>Writes a model as one GGUF file.</summary>
internal static class GgufExport
{
    private const int ChunkElements = 1 << 20;

    /// <summary>
    /// Writes the model in <paramref name="folder"/> to <paramref name="path"/>, its matrices as <paramref name="type"/>.
    /// </summary>
    public static ConversionResult Write(
        ModelFolder folder, string path, GgufType type, IProgress<LoadProgress>? progress, CancellationToken cancellation)
    {
        var architecture = GgufSupport.Architecture(folder);
        var tokenizer = folder.LoadTokenizer()
            ?? throw new ConversionException("tokenizer.json: the folder must hold it to be written as GGUF, found none.");
        using var checkpoint = Checkpoint.Open(folder.Folder);
        var sources = GgufLayout.Of(checkpoint, folder, architecture, type);
        var metadata = Metadata(folder, architecture, type, tokenizer);
        GgufTensor[] tensors = [.. sources.Select(source => source.Tensor)];
        var bytes = GgufWriter.FileBytes(metadata, tensors);
        Destination.Check(path, bytes);
        using var writer = new GgufWriter(path, metadata, tensors);
        var (done, total) = (0L, tensors.Sum(tensor => tensor.Bytes));
        foreach (var source in sources)
        {
            foreach (var piece in Pieces(source))
            {
                cancellation.ThrowIfCancellationRequested();
                writer.Write(piece.Span);
                progress?.Report(new LoadProgress(done += piece.Length, total));
            }
        }
        cancellation.ThrowIfCancellationRequested();
        writer.Complete();
        return new ConversionResult(path, bytes, tensors.Length);
    }

    /// <summary>The bytes of a tensor in pieces of whole rows; each is valid until the next.</summary>
    private static IEnumerable<ReadOnlyMemory<byte>> Pieces(GgufSource source)
    {
        var type = source.Tensor.Type;
        if (source.Rows is not { } stored)
        {
            var all = new byte[type.Bytes(source.Values!.Length)];
            GgufBlocks.Encode(type, source.Values, all);
            yield return all;
            yield break;
        }
        var rows = (int)Math.Clamp(ChunkElements / stored.Columns, 1, stored.Rows);
        var (elements, bytes) = (new float[rows * stored.Columns], new byte[type.Bytes((long)rows * stored.Columns)]);
        for (var first = 0L; first < stored.Rows; first += rows)
        {
            var count = (int)Math.Min(rows, stored.Rows - first) * stored.Columns;
            stored.Read(first, elements.AsSpan(0, count), type);
            var size = (int)type.Bytes(count);
            GgufBlocks.Encode(type, elements.AsSpan(0, count), bytes.AsSpan(0, size));
            yield return bytes.AsMemory(0, size);
        }
    }

    private static GgufMetadata Metadata(ModelFolder folder, GgufArchitecture architecture, GgufType type, Tokenizer tokenizer)
    {
        var metadata = new GgufMetadata();
        metadata.Set("general.architecture", architecture.Name);
        metadata.Set("general.type", "model");
        metadata.Set("general.name", Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder.Folder))));
        metadata.Set("general.file_type", type.FileType());
        metadata.Set("general.quantization_version", 2u);
        AddSizes(metadata, folder.Spec, architecture.Name);
        AddTokenizer(metadata, folder, tokenizer);
        return metadata;
    }

    private static void AddSizes(GgufMetadata metadata, ModelSpec spec, string name)
    {
        metadata.Set($"{name}.block_count", (uint)spec.Layers.Count);
        metadata.Set($"{name}.context_length", (uint)spec.ContextLength);
        metadata.Set($"{name}.embedding_length", (uint)spec.HiddenSize);
        metadata.Set($"{name}.feed_forward_length", (uint)spec.MlpSize);
        metadata.Set($"{name}.attention.head_count", (uint)spec.QueryHeads);
        metadata.Set($"{name}.attention.head_count_kv", (uint)spec.KvHeads);
        metadata.Set($"{name}.attention.key_length", (uint)spec.HeadDim);
        metadata.Set($"{name}.attention.value_length", (uint)spec.HeadDim);
        metadata.Set($"{name}.attention.layer_norm_rms_epsilon", spec.NormEpsilon);
        metadata.Set($"{name}.vocab_size", (uint)spec.VocabularySize);
        var rope = spec.Ropes[0];
        metadata.Set($"{name}.rope.dimension_count", (uint)rope.RotaryDim);
        metadata.Set($"{name}.rope.freq_base", (float)rope.Theta);
        if (rope.Scaling != RopeScaling.Linear) return;
        metadata.Set($"{name}.rope.scaling.type", "linear");
        metadata.Set($"{name}.rope.scaling.factor", (float)rope.Factor);
    }

    private static void AddTokenizer(GgufMetadata metadata, ModelFolder folder, Tokenizer tokenizer)
    {
        var vocabulary = GgufVocabulary.Read(folder.Folder, tokenizer, folder.Spec.VocabularySize);
        metadata.Set("tokenizer.ggml.model", vocabulary.Model);
        metadata.Set("tokenizer.ggml.pre", vocabulary.PreTokenizer);
        metadata.Set("tokenizer.ggml.tokens", vocabulary.Tokens);
        metadata.Set("tokenizer.ggml.token_type", [.. vocabulary.Kinds.Select(kind => (int)kind)]);
        metadata.Set("tokenizer.ggml.merges", vocabulary.Merges);
        var special = tokenizer.SpecialTokens;
        (string, int?)[] roles =
            [("bos", special.BeginningId), ("eos", special.EndId ?? EndOf(folder)), ("unknown", special.UnknownId),
                ("padding", special.PaddingId)];
        foreach (var (key, id) in roles)
        {
            if (id is { } known) metadata.Set($"tokenizer.ggml.{key}_token_id", (uint)known);
        }
        metadata.Set("tokenizer.ggml.add_bos_token", vocabulary.AddsBeginning);
        metadata.Set("tokenizer.ggml.add_eos_token", vocabulary.AddsEnd);
        metadata.Set("tokenizer.ggml.add_space_prefix", false);
        if (tokenizer.ChatTemplate is { } template) metadata.Set("tokenizer.chat_template", template);
    }

    private static int? EndOf(ModelFolder folder) => folder.Defaults.EndIds is [var first, ..] ? first : null;
}
