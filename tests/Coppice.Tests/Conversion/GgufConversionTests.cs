using System.Runtime.InteropServices;
using Coppice.Peers.Gguf;
using Coppice.Tests.Support;
using Coppice.Text;
using Coppice.Weights;
using Coppice.Weights.Gguf;
using Xunit;

namespace Coppice.Tests.Conversion;

/// <summary>GGUF files, read back by a reader that shares nothing with the writer.</summary>
public sealed class GgufConversionTests(GgufFolder files) : IClassFixture<GgufFolder>
{
    [Theory]
    [InlineData(GgufType.F32, GgmlType.F32, 0)]
    [InlineData(GgufType.F16, GgmlType.F16, 1.0 / 2048)]
    [InlineData(GgufType.BF16, GgmlType.BF16, 1.0 / 256)]
    [InlineData(GgufType.Q8, GgmlType.Q80, 0.01)]
    [InlineData(GgufType.Q4, GgmlType.Q40, 0.13)]
    public void Every_tensor_is_there_in_its_type_with_its_values(object written, object read, double relative)
    {
        var path = files.Convert($"{written}.gguf", (GgufType)written);
        using var gguf = GgufFile.Open(path);
        using var checkpoint = Checkpoint.Open(files.Folder);
        Assert.Equal(checkpoint.Tensors.Count, gguf.Tensors.Count);
        foreach (var (name, stored, heads) in Names())
        {
            var (tensor, expected) = (gguf.Tensors[name], Stored(checkpoint, stored));
            Assert.Equal(tensor.Extents.Length == 1 ? GgmlType.F32 : (GgmlType)read, tensor.Type);
            Assert.Equal(checkpoint.Tensors[stored].Entry.Shape.Reverse(), tensor.Extents);
            var tolerance = tensor.Extents.Length == 1 ? 0 : relative * expected.Max(Math.Abs);
            Compare(expected, Values(gguf, tensor), (int)tensor.Columns, heads, tolerance);
        }
    }

    [Fact]
    public void Keys_say_what_the_model_and_its_tokenizer_are()
    {
        var path = files.Convert("keys.gguf", GgufType.Q8);
        using var gguf = GgufFile.Open(path);
        var keys = gguf.Keys;
        var tokenizer = Tokenizer.Load(files.Folder);
        Assert.Equal("llama", keys["general.architecture"]);
        Assert.Equal(7u, keys["general.file_type"]);
        (string Key, uint Value)[] sizes =
        [
            ("block_count", 2), ("context_length", 256), ("embedding_length", 64), ("feed_forward_length", 96), ("attention.head_count", 4),
            ("attention.head_count_kv", 2), ("attention.key_length", 16), ("rope.dimension_count", 16),
            ("vocab_size", GgufFolder.Vocabulary),
        ];
        Assert.All(sizes, size => Assert.Equal(size.Value, keys["llama." + size.Key]));
        Assert.Equal(1e-6f, keys["llama.attention.layer_norm_rms_epsilon"]);
        Assert.Equal(10000f, keys["llama.rope.freq_base"]);
        Assert.Equal("smollm", keys["tokenizer.ggml.pre"]);
        Assert.Equal((true, false), ((bool)keys["tokenizer.ggml.add_bos_token"], (bool)keys["tokenizer.ggml.add_eos_token"]));
        Assert.Equal(0u, keys["tokenizer.ggml.eos_token_id"]);
        var (tokens, kinds) = ((object[])keys["tokenizer.ggml.tokens"], (object[])keys["tokenizer.ggml.token_type"]);
        Assert.Equal((GgufFolder.Vocabulary, GgufFolder.Vocabulary), (tokens.Length, kinds.Length));
        Assert.Equal(("<|endoftext|>", 3), (tokens[0], kinds[0]));
        Assert.Equal((tokenizer.TokenText(300), 1), (tokens[300], kinds[300]));
        Assert.Equal(("[PAD4099]", 5), (tokens[4099], kinds[4099]));
        Assert.Equal("Ġ t", ((object[])keys["tokenizer.ggml.merges"])[0]);
    }

    /// <summary>Texts as a reader of the file would merge them: the lowest merge first.</summary>
    [Fact]
    public void Merges_give_the_tokenizers_own_ids()
    {
        var path = files.Convert("merges.gguf", GgufType.F16);
        using var gguf = GgufFile.Open(path);
        var ids = ((object[])gguf.Keys["tokenizer.ggml.tokens"]).Cast<string>().Select((token, id) => (token, id)).ToDictionary();
        var ranks = ((object[])gguf.Keys["tokenizer.ggml.merges"]).Cast<string>().Select((merge, rank) => (merge, rank)).ToDictionary();
        var tokenizer = Tokenizer.Load(files.Folder);
        foreach (var word in (string[])["returns", "enumerable", "initialisation", "zq", "GetOrAdd"])
        {
            var pieces = word.Select(letter => letter.ToString()).ToList();
            while (true)
            {
                var best = Enumerable.Range(0, pieces.Count - 1).Where(i => ranks.ContainsKey($"{pieces[i]} {pieces[i + 1]}"))
                    .OrderBy(i => ranks[$"{pieces[i]} {pieces[i + 1]}"]).Cast<int?>().FirstOrDefault();
                if (best is not { } at) break;
                (pieces[at], _) = (pieces[at] + pieces[at + 1], 0);
                pieces.RemoveAt(at + 1);
            }
            Assert.Equal(tokenizer.Encode(word, addSpecialTokens: false), pieces.Select(piece => ids[piece]));
        }
    }

    [Theory]
    [InlineData("qwen2", "\"use_sliding_window\": false")]
    [InlineData("qwen3", "\"tie_word_embeddings\": true")]
    public void Other_architectures_keep_the_order_of_rows(string type, string settings)
    {
        using var other = new GgufFolder($$"""{"model_type": "{{type}}", SIZES, {{settings}}}""");
        var path = other.Convert("other.gguf", GgufType.F32);
        using var gguf = GgufFile.Open(path);
        using var checkpoint = Checkpoint.Open(other.Folder);
        Assert.Equal(type, gguf.Keys["general.architecture"]);
        Assert.Equal(checkpoint.Tensors.Count, gguf.Tensors.Count);
        Assert.Equal(type == "qwen2", gguf.Tensors.ContainsKey("blk.1.attn_k.bias"));
        Assert.Equal(type == "qwen3", gguf.Tensors.ContainsKey("blk.1.attn_q_norm.weight"));
        var tensor = gguf.Tensors["blk.1.attn_q.weight"];
        Compare(Stored(checkpoint, "model.layers.1.self_attn.q_proj.weight"), Values(gguf, tensor), (int)tensor.Columns, heads: 0, 0);
    }

    [Fact]
    public void Rope_of_longer_contexts_is_written_as_divisors()
    {
        using var other = new GgufFolder("""
            {"model_type": "llama", SIZES, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
             "original_max_position_embeddings": 64}}
            """);
        var path = other.Convert("rope.gguf", GgufType.F32);
        using var gguf = GgufFile.Open(path);
        var factors = Values(gguf, gguf.Tensors["rope_freqs.weight"]);
        for (var i = 0; i < GgufFolder.HeadDim / 2; i++)
        {
            // The definition: short waves stay, long ones are stretched by the factor, those between by a blend.
            var wave = 2 * Math.PI * Math.Pow(10000, 2.0 * i / GgufFolder.HeadDim);
            var blend = (64 / wave - 1) / (4 - 1);
            Assert.Equal(wave < 16 ? 1 : wave > 64 ? 8 : 1 / ((1 - blend) / 8 + blend), factors[i], 1e-5);
        }
    }

    [Fact]
    public void A_real_tokenizer_keeps_its_tokens()
    {
        var folder = SharedData.Require("models/smollm2-135m-instruct");
        var vocabulary = Coppice.Text.Files.GgufVocabulary.Read(folder, Tokenizer.Load(folder), 49152);
        Assert.Equal("smollm", vocabulary.PreTokenizer);
        Assert.Equal((49152, 48900), (vocabulary.Tokens.Count, vocabulary.Merges.Count));
        Assert.Equal(("<|im_end|>", 3), (vocabulary.Tokens[2], (int)vocabulary.Kinds[2]));
        Assert.DoesNotContain(vocabulary.Kinds, kind => (int)kind == 5);
        Assert.False(vocabulary.AddsBeginning || vocabulary.AddsEnd);
    }

    private static IEnumerable<(string Name, string Stored, int Heads)> Names()
    {
        yield return ("token_embd.weight", "model.embed_tokens.weight", 0);
        yield return ("output_norm.weight", "model.norm.weight", 0);
        yield return ("output.weight", "lm_head.weight", 0);
        for (var layer = 0; layer < 2; layer++)
        {
            foreach (var (name, stored, heads) in ((string, string, int)[])
            [
                ("attn_norm", "input_layernorm", 0), ("attn_q", "self_attn.q_proj", 4), ("attn_k", "self_attn.k_proj", 2),
                ("attn_v", "self_attn.v_proj", 0),
                ("attn_output", "self_attn.o_proj", 0), ("ffn_norm", "post_attention_layernorm", 0), ("ffn_gate", "mlp.gate_proj", 0),
                ("ffn_up", "mlp.up_proj", 0), ("ffn_down", "mlp.down_proj", 0),
            ]) yield return ($"blk.{layer}.{name}.weight", $"model.layers.{layer}.{stored}.weight", heads);
        }
    }

    /// <summary>Element j of pair i of a head is row 2i + j there and row i + j·d/2 here.</summary>
    private static void Compare(float[] expected, float[] actual, int columns, int heads, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var row = 0; row < actual.Length / columns; row++)
        {
            var source = row;
            if (heads > 0)
            {
                var (head, pair, element) = (row / GgufFolder.HeadDim, row % GgufFolder.HeadDim / 2, row % 2);
                source = head * GgufFolder.HeadDim + pair + element * GgufFolder.HeadDim / 2;
            }
            for (var i = 0; i < columns; i++)
                Assert.InRange(Math.Abs((double)expected[source * columns + i] - actual[row * columns + i]), 0, tolerance);
        }
    }

    private static float[] Stored(Checkpoint checkpoint, string name)
    {
        var tensor = checkpoint.Tensors[name];
        return MemoryMarshal.Cast<byte, float>(tensor.Bytes(0, (int)tensor.Entry.Bytes)).ToArray();
    }

    private static float[] Values(GgufFile file, GgufTensorInfo tensor)
    {
        var values = new float[tensor.Rows * tensor.Columns];
        byte[] scratch = [];
        var columns = (int)tensor.Columns;
        for (var row = 0; row < tensor.Rows; row++) file.ReadRow(tensor, row, values.AsSpan(row * columns, columns), ref scratch);
        return values;
    }
}
