using Coppice.Kernels;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Identities;

/// <summary>
/// Prompts of every length up to several blocks of rows, in every format of weights: the rows do not depend on how many there are.
/// </summary>
public sealed class PromptLengthTests
{
    private const int Longest = 300;

    /// <summary>One small layer, because there are many passes.</summary>
    private const string Config = """
        {"model_type": "llama", "vocab_size": 96, "hidden_size": 32, "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 40,
         "num_hidden_layers": 1, "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "tie_word_embeddings": false, "eos_token_id": 1}
        """;

    public static TheoryData<WeightFormat, ActivationFormat> Formats => new()
    {
        { WeightFormat.F32, ActivationFormat.F32 },
        { WeightFormat.BF16, ActivationFormat.F32 },
        { WeightFormat.BF16, ActivationFormat.BF16 },
        { WeightFormat.Q8, ActivationFormat.F32 },
        { WeightFormat.Q4, ActivationFormat.F32 },
        { WeightFormat.Q8, ActivationFormat.Int8 },
        { WeightFormat.Q4, ActivationFormat.Int8 },
    };

    [Theory, MemberData(nameof(Formats))]
    public void A_prompt_equals_itself_cut_before_its_last_token(WeightFormat weights, ActivationFormat activations)
    {
        using var folder = new TinyModel(Config);
        using var model = folder.Load(new ModelOptions
        {
            Device = "cpu",
            Threads = 2,
            ContextLength = Longest + 4,
            WeightFormat = weights,
            Activations = activations,
        });
        using var runner = new PassRunner(model);
        var cache = runner.Dense();
        var wrong = new List<int>();
        for (var length = 2; length < Longest; length++)
        {
            var prompt = TinyModel.Prompt(length, seed: 3);
            cache.Truncate(0);
            var whole = runner.Run(cache, prompt);
            cache.Truncate(0);
            float[] cut = [.. runner.Run(cache, prompt.AsSpan(0, length - 1)), .. runner.Run(cache, prompt.AsSpan(length - 1))];
            if (!whole.AsSpan().SequenceEqual(cut)) wrong.Add(length);
        }
        Assert.Empty(wrong);
    }
}
