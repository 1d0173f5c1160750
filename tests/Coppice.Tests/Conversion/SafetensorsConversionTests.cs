using System.Text.Json;
using Coppice.Conversion;
using Coppice.Tests.Support;
using Coppice.Weights;
using Coppice.Weights.Gguf;
using Xunit;

namespace Coppice.Tests.Conversion;

/// <summary>Folders whose weights have another type.</summary>
public sealed class SafetensorsConversionTests(GgufFolder files) : IClassFixture<GgufFolder>
{
    [Theory]
    [InlineData(GgufType.F32, 0, "float32")]
    [InlineData(GgufType.F16, 1.0 / 2048, "float16")]
    [InlineData(GgufType.BF16, 1.0 / 256, "bfloat16")]
    public void The_new_folder_holds_the_same_numbers_in_that_type(object type, double relative, string name)
    {
        var folder = files.Convert(name, (GgufType)type, ConversionTarget.Safetensors);
        var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "config.json"))).RootElement;
        Assert.Equal(name, config.GetProperty("torch_dtype").GetString());
        Assert.Equal(64, config.GetProperty("hidden_size").GetInt32());
        Assert.Equal(File.ReadAllBytes(Path.Combine(files.Folder, "tokenizer.json")),
            File.ReadAllBytes(Path.Combine(folder, "tokenizer.json")));
        using var checkpoint = Checkpoint.Open(folder);
        using var original = Checkpoint.Open(files.Folder);
        Assert.Equal(original.Tensors.Keys.Order(), checkpoint.Tensors.Keys.Order());
        foreach (var (tensor, converted) in checkpoint.Tensors)
        {
            var before = original.Tensors[tensor];
            Assert.Equal(((GgufType)type).Name(), converted.Entry.Type.FileName(), ignoreCase: true);
            Assert.Equal(before.Entry.Shape, converted.Entry.Shape);
            var stored = converted.Bytes(0, (int)converted.Entry.Bytes);
            for (var i = 0; i < before.Entry.Bytes / 4; i++)
            {
                var expected = BitConverter.ToSingle(before.Bytes(4L * i, 4));
                var actual = (GgufType)type switch
                {
                    GgufType.F32 => BitConverter.ToSingle(stored[(4 * i)..]),
                    GgufType.F16 => (float)BitConverter.ToHalf(stored[(2 * i)..]),
                    _ => BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(stored[(2 * i)..]) << 16),
                };
                Assert.InRange(Math.Abs((double)expected - actual), 0, relative * Math.Max(Math.Abs(expected), 6.2e-5));
            }
        }
        using var model = LanguageModel.Load(folder, new ModelOptions { Device = "cpu", ContextLength = 64 });
        Assert.All(Logits.Of(model, TinyModel.Prompt(5)), logit => Assert.True(float.IsFinite(logit)));
    }

    [Fact]
    public void There_and_back_gives_the_same_bytes()
    {
        var half = files.Convert("half", GgufType.BF16, ConversionTarget.Safetensors);
        var full = files.Convert("full", GgufType.F32, ConversionTarget.Safetensors, half);
        var again = files.Convert("again", GgufType.BF16, ConversionTarget.Safetensors, full);
        Assert.Equal(File.ReadAllBytes(Path.Combine(half, "model.safetensors")),
            File.ReadAllBytes(Path.Combine(again, "model.safetensors")));
        Assert.Equal(File.ReadAllText(Path.Combine(half, "config.json")), File.ReadAllText(Path.Combine(again, "config.json")));
    }
}
