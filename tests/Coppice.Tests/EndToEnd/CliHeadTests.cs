using System.Runtime.InteropServices;
using System.Text.Json;
using Coppice.Models;
using Coppice.Weights;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>`coppice dump-hidden` and `coppice heads tree` as processes.</summary>
public sealed class CliHeadTests(CliModelFolder files) : IClassFixture<CliModelFolder>
{
    [Fact]
    public void Shards_hold_whole_texts_with_the_states_of_every_token()
    {
        var lines = files.Write("dump.jsonl", """
            {"text": "Many shoots"}
            {"prompt": "Ma", "text": "ny"}
            {"messages": [{"role": "user", "content": "hi"}], "ids": [100, 101]}
            {"prompt_ids": [5, 6, 7], "ids": [8]}
            """);
        var folder = Path.Combine(files.Folder, "states");
        var result = CliProcess.Run(
            "dump-hidden", "--model", files.Model, "--jsonl", lines, "--out", folder, "--layers", "final,0,embedding", "--shard-tokens",
                "15",
            "--device", "cpu", "--json").Json;
        Assert.Equal((4, 2), (result.GetProperty("texts").GetInt32(), result.GetProperty("files").GetArrayLength()));
        Assert.Equal(64, result.GetProperty("fingerprint").GetString()!.Length);
        using var model = LanguageModel.Load(files.Model, new ModelOptions { Device = "cpu" });
        using var scorer = new Scorer(model);
        var (texts, width) = (0, model.Spec.HiddenSize);
        foreach (var name in result.GetProperty("files").EnumerateArray().Select(file => file.GetString()!))
        {
            using var file = SafetensorsFile.Open(Path.Combine(folder, name));
            var ids = MemoryMarshal.Cast<byte, int>(file.Bytes(file.Tensors["ids"])).ToArray();
            var places = MemoryMarshal.Cast<byte, int>(file.Bytes(file.Tensors["texts"])).ToArray();
            foreach (var (layer, key) in (ReadOnlySpan<(int, string)>)[(HiddenLayer.Final, "final"), (0, "0"),
                (HiddenLayer.Embedding, "embedding")])
            {
                var stored = MemoryMarshal.Cast<byte, Half>(file.Bytes(file.Tensors["hidden." + key])).ToArray();
                Assert.Equal(ids.Length * width, stored.Length);
                for (var text = 0; text < places.Length; text += 3)
                {
                    var (first, count) = (places[text], places[text + 1]);
                    var expected = new float[count * width];
                    scorer.States(ids.AsSpan(first, count), new[] { layer }, (_, at, rows) => rows.CopyTo(expected.AsSpan(at * width)),
                        TestContext.Current.CancellationToken);
                    Assert.Equal(expected.Select(value => (Half)value), stored[(first * width)..((first + count) * width)]);
                }
            }
            texts += places.Length / 3;
            if (texts < 4) continue;
            Assert.Equal([4, 3], places[^2..]);
            Assert.Equal([5, 6, 7, 8], ids[^4..]);
        }
        Assert.Equal(4, texts);
    }

    [Theory]
    [InlineData("--layers", "7", "--layers: the model has layers 0 to 1, got 7")]
    [InlineData("--layers", "final,final", "--layers must name each layer once, got \"final,final\"")]
    [InlineData("--layers", "last", "--layers must be final, embedding or numbers from 0 on, each once, got \"last\"")]
    public void Wrong_layers_are_wrong_usage(string option, string value, string message)
    {
        var lines = files.Write("one.jsonl", """{"text": "ab"}""");
        var result = CliProcess.Run(
            "dump-hidden", "--model", files.Model, "--jsonl", lines, "--out", Path.Combine(files.Folder, "none"), option, value, "--device",
                "cpu");
        Assert.Equal(2, result.Status);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_tree_follows_from_how_often_heads_are_right()
    {
        var folder = Directory.CreateDirectory(Path.Combine(files.Folder, "medusa-heads")).FullName;
        using (var writer = new SafetensorsWriter(
            Path.Combine(folder, "heads.safetensors"),
                [("0.0.linear.weight", SafetensorsType.F32, [32, 32]), ("1.0.linear.weight", SafetensorsType.F32, [32, 32])]))
        {
            writer.Write<float>(new float[2 * 32 * 32]);
            writer.Complete();
        }
        var lines = files.Write("tree.jsonl",
            string.Join('\n', Enumerable.Range(0, 5).Select(i => JsonSerializer.Serialize(new { text = $"{i} many young shoots" }))));
        var path = Path.Combine(files.Folder, "tree.json");
        var result = CliProcess.Run(
            "heads", "tree", "--model", files.Model, "--heads", folder, "--jsonl", lines, "--nodes", "6", "--out", path, "--device", "cpu",
                "--json").Json;
        Assert.Equal(("medusa", 5 * 17), (result.GetProperty("kind").GetString(), result.GetProperty("positions").GetInt32()));
        Assert.Equal(2, result.GetProperty("accuracy").GetArrayLength());
        Assert.InRange(result.GetProperty("tree").GetArrayLength(), 0, 6);
        Assert.Equal(result.GetRawText(), JsonDocument.Parse(File.ReadAllText(path)).RootElement.GetRawText());
    }
}
