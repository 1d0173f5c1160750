using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Identities;

/// <summary>
/// Compressed keys and values on the accelerator of ILGPU that runs the kernels of GPUs: the same text however a prompt is cut.
/// </summary>
public sealed class CompressedDeviceTests : IDisposable
{
    private readonly TinyModel _folder = new("""
        {"model_type": "llama", "vocab_size": 48, "hidden_size": 32, "num_attention_heads": 2, "num_key_value_heads": 1,
         "intermediate_size": 32, "num_hidden_layers": 1, "max_position_embeddings": 256, "rms_norm_eps": 1e-5,
         "tie_word_embeddings": false, "eos_token_id": 1}
        """);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("kv-22"), InlineData("gear2:scales=i8"), InlineData("gear4-paper")]
    public void A_prompt_gives_the_same_logits_however_it_is_cut_and_nearly_those_of_the_CPU(string kind)
    {
        var ids = TinyModel.Prompt(104, vocabulary: 48);
        var expected = Logits("ilgpu-cpu", kind, 37, ids);
        Assert.Equal(expected, Logits("ilgpu-cpu", kind, 96, ids));
        var host = Logits("cpu", kind, 96, ids);
        // Sums have another order there, so that a code may fall to the other side of a tie.
        var squares = expected.Zip(host).Sum(pair => Math.Pow(pair.First - pair.Second, 2));
        Assert.InRange(Math.Sqrt(squares / host.Sum(logit => (double)logit * logit)), 0, 2e-3);
        var exact = Logits("cpu", "f16", 96, ids);
        Assert.NotEqual(exact, expected);
    }

    private float[] Logits(string device, string kind, int chunk, int[] ids)
    {
        var options = new ModelOptions
        {
            Device = device,
            Threads = 1,
            ContextLength = 192,
            PrefillChunk = chunk,
            KvCache = KvCacheOptions.Named(kind) with { SharedTokens = 512 },
        };
        using var model = _folder.Load(options);
        using var scorer = new Scorer(model);
        var all = new List<float>();
        scorer.Logits(ids, (_, rows) => all.AddRange(rows), Cancellation);
        return [.. all];
    }
}
