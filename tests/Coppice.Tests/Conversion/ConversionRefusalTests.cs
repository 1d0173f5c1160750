using Coppice.Conversion;
using Coppice.Tests.Support;
using Coppice.Weights;
using Coppice.Weights.Gguf;
using Xunit;

namespace Coppice.Tests.Conversion;

/// <summary>What cannot be converted is refused in one clear sentence, and nothing stays behind.</summary>
public sealed class ConversionRefusalTests(GgufFolder files) : IClassFixture<GgufFolder>
{
    [Fact]
    public void A_place_that_is_taken_or_missing_is_refused()
    {
        var taken = files.Result("taken.gguf");
        File.WriteAllText(taken, "mine");
        foreach (var target in Enum.GetValues<ConversionTarget>())
            Assert.Contains("must not be there yet", Refused<ConversionException>(files.Folder, taken, GgufType.F16, target),
                StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(taken));
        File.Delete(taken);
        Assert.Contains("must be there",
            Refused<ConversionException>(files.Folder, Path.Combine(files.Results, "no", "x.gguf"), GgufType.F16),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gemma2", "\"query_pre_attn_scalar\": 16", "not written as GGUF by this version")]
    [InlineData("mixtral", "\"num_local_experts\": 2", "without experts")]
    [InlineData("mistral", "\"sliding_window\": 8", "sliding_window")]
    [InlineData("llama", "\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4.0}", "rope_type")]
    [InlineData("qwen3", "\"attention_bias\": true", "without bias")]
    public void What_readers_would_compute_differently_is_refused(string type, string settings, string expected)
    {
        using var other = new GgufFolder($$"""{"model_type": "{{type}}", SIZES, {{settings}}}""");
        Assert.Contains(expected, Refused<UnsupportedModelException>(other.Folder, other.Result("x.gguf"), GgufType.F16),
            StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(other.Results));
    }

    [Fact]
    public void Rows_that_are_not_whole_groups_are_refused()
    {
        using var odd = new GgufFolder("""{"model_type": "llama", SIZES}""", mlp: 80);
        Assert.Contains("multiple of 32", Refused<ConversionException>(odd.Folder, odd.Result("x.gguf"), GgufType.Q8),
            StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(odd.Results));
    }

    [Fact]
    public void A_folder_without_a_tokenizer_is_refused()
    {
        using var bare = new TinyModel();
        Assert.Contains("tokenizer.json", Refused<ConversionException>(bare.Folder, files.Result("x.gguf"), GgufType.Q8),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"type\": \"BPE\"", "\"type\": \"Unigram\"")]
    [InlineData("\"individual_digits\": true", "\"individual_digits\": false")]
    [InlineData("\"normalizer\": null", "\"normalizer\": {\"type\":\"Lowercase\"}")]
    [InlineData("\"individual_digits\"", "\"\\ud800\"")]
    public void A_tokenizer_without_a_name_there_is_refused(string old, string replacement)
    {
        using var other = new GgufFolder();
        var path = Path.Combine(other.Folder, "tokenizer.json");
        var text = File.ReadAllText(path);
        var spoilt = text.Replace(old, replacement, StringComparison.Ordinal);
        Assert.NotEqual(text, spoilt);
        File.WriteAllText(path, spoilt);
        var error = Record.Exception(() => Convert(other.Folder, other.Result("x.gguf"), GgufType.F16));
        Assert.True(error is CheckpointException or UnsupportedModelException, error?.ToString() ?? "no error");
        Assert.Empty(Directory.EnumerateFileSystemEntries(other.Results));
    }

    [Theory]
    [InlineData(float.NaN, GgufType.F32, ConversionTarget.Gguf)]
    [InlineData(float.NaN, GgufType.BF16, ConversionTarget.Safetensors)]
    [InlineData(float.NegativeInfinity, GgufType.Q4, ConversionTarget.Gguf)]
    [InlineData(70000f, GgufType.F16, ConversionTarget.Gguf)]
    [InlineData(70000f, GgufType.F16, ConversionTarget.Safetensors)]
    [InlineData(1e6f, GgufType.Q4, ConversionTarget.Gguf)]
    [InlineData(1e8f, GgufType.Q8, ConversionTarget.Gguf)]
    public void A_number_that_the_type_does_not_hold_leaves_no_file(float value, object type, object target)
    {
        using var other = new GgufFolder();
        Spoil(other.Folder, value);
        Assert.Contains("model.layers.1.mlp.down_proj",
            Refused<CheckpointException>(other.Folder, other.Result("x"), (GgufType)type, (ConversionTarget)target),
            StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(other.Results));
    }

    [Fact]
    public void Cancelling_leaves_no_file()
    {
        foreach (var target in Enum.GetValues<ConversionTarget>())
        {
            using var source = new CancellationTokenSource();
            var progress = new Callback(() => source.Cancel());
            Assert.Throws<OperationCanceledException>(() =>
                ModelConverter.Convert(files.Folder, files.Result("cancelled"), target, GgufType.F32, progress, source.Token));
            Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(files.Results),
                entry => entry.Contains("cancelled", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Safetensors_hold_no_blocks() =>
        Assert.Contains("use --to gguf",
            Refused<ConversionException>(files.Folder, files.Result("blocks"), GgufType.Q8, ConversionTarget.Safetensors),
            StringComparison.Ordinal);

    private sealed class Callback(Action action) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => action();
    }

    /// <summary>Puts a number into the middle of a matrix.</summary>
    private static void Spoil(string folder, float value)
    {
        var path = Path.Combine(folder, "model.safetensors");
        long position;
        using (var file = SafetensorsFile.Open(path))
        {
            var header = BitConverter.ToInt64(File.ReadAllBytes(path), 0);
            position = 8 + header + file.Tensors["model.layers.1.mlp.down_proj.weight"].Begin + 4 * 1000;
        }
        using var stream = File.OpenWrite(path);
        stream.Position = position;
        stream.Write(BitConverter.GetBytes(value));
    }

    private static string Refused<T>(string folder, string path, GgufType type, ConversionTarget target = ConversionTarget.Gguf)
        where T : Exception =>
        Assert.Throws<T>(() => Convert(folder, path, type, target)).Message;

    private static void Convert(string folder, string path, GgufType type, ConversionTarget target = ConversionTarget.Gguf) =>
        ModelConverter.Convert(folder, path, target, type);
}
