using Coppice.Kernels.Numerics;
using Coppice.Models;
using Coppice.Weights;

namespace Coppice.Peers.Models;

/// <summary>
/// Writes a model of random weights in the shape of a published one, so that its speed can be measured without its weights.
/// </summary>
internal static class RandomModel
{
    private const int ChunkElements = 1 << 20;
    private const double Deviation = 0.02;
    private const float Unit = 1f / (1L << 32);

    /// <summary>The shape of Llama 3.2 1B.</summary>
    public const string OneBillion = """
        {
          "architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "bfloat16", "hidden_act": "silu",
          "vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32,
          "num_key_value_heads": 8, "head_dim": 64, "max_position_embeddings": 131072, "rms_norm_eps": 1e-05, "rope_theta": 500000.0,
          "rope_scaling": {"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192},
          "attention_bias": false, "mlp_bias": false, "tie_word_embeddings": true, "bos_token_id": 0, "eos_token_id": 0
        }
        """;

    /// <summary>
    /// Writes the folder <paramref name="target"/>: <paramref name="config"/>, normal weights in BF16 (norms are 1) and the tokenizer of
    /// <paramref name="tokenizer"/>.
    /// </summary>
    public static void Write(string target, string config, string tokenizer, ulong seed)
    {
        var partial = target + ".partial";
        if (Directory.Exists(partial)) Directory.Delete(partial, recursive: true);
        Directory.CreateDirectory(partial);
        File.WriteAllText(Path.Combine(partial, "config.json"), config);
        foreach (var file in (string[])["tokenizer.json", "tokenizer_config.json"])
            File.WriteAllBytes(Path.Combine(partial, file), File.ReadAllBytes(Path.Combine(tokenizer, file)));
        WriteWeights(Path.Combine(partial, "model.safetensors"), config, seed);
        Directory.Move(partial, target);
    }

    private static void WriteWeights(string path, string config, ulong seed)
    {
        var (family, spec) = ModelFamily.Read(ConfigReader.Parse(config));
        var plan = WeightPlan.Build(spec, family.Map(spec));
        WeightPart[] parts = [.. plan.Matrices.SelectMany(m => m.Parts), .. plan.Vectors.SelectMany(v => v.Parts)];
        using var writer = new SafetensorsWriter(path, [.. parts.Select(part => (part.Name, SafetensorsType.BF16, Shape(part)))]);
        var (first, second) = (new ushort[ChunkElements], new ushort[ChunkElements]);
        var stream = seed;
        foreach (var part in parts)
        {
            var count = (long)part.Rows * part.Columns;
            for (var done = 0L; done < count; done += 2 * ChunkElements, stream += 2)
            {
                var (a, b) = (first.AsMemory(0, (int)Math.Min(ChunkElements, count - done)),
                    second.AsMemory(0, (int)Math.Clamp(count - done - ChunkElements, 0, ChunkElements)));
                var own = stream;
                Parallel.Invoke(() => Fill(a.Span, part.Columns == 1, own), () => Fill(b.Span, part.Columns == 1, own + 1));
                writer.Write<ushort>(a.Span);
                writer.Write<ushort>(b.Span);
            }
        }
        writer.Complete();
    }

    private static long[] Shape(WeightPart part) => part.Columns == 1 ? [part.Rows] : [part.Rows, part.Columns];

    private static void Fill(Span<ushort> target, bool ones, ulong stream)
    {
        if (ones)
        {
            target.Fill(BFloat16.FromSingle(1));
            return;
        }
        for (var i = 0; i < target.Length; i++)
        {
            var bits = Mix((stream << 24) + (ulong)i);
            target[i] = BFloat16.FromSingle((float)Deviation * Normal(bits));
        }
    }

    /// <summary>Box and Muller's transform of two uniform numbers of 32 bits each.</summary>
    private static float Normal(ulong bits)
    {
        var (u, v) = (((uint)bits + 0.5f) * Unit, (uint)(bits >> 32) * Unit);
        return MathF.Sqrt(-2 * MathF.Log(u)) * MathF.Cos(2 * MathF.PI * v);
    }

    /// <summary>The finaliser of SplitMix64: one random word for each counter.</summary>
    private static ulong Mix(ulong counter)
    {
        var z = counter * 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
