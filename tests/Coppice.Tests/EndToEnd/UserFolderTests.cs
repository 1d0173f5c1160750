using Coppice.Tests.Support;
using Coppice.Text;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>Folders that real users bring: what loads with a warning, and what is refused in one clear error.</summary>
public sealed class UserFolderTests
{
    private const float Tolerance = 2e-4f;      // as for the families: two float32 computations

    /// <summary>
    /// The case, the family's golden folder that has the same weights, and a word of its warning; none where nothing is odd.
    /// </summary>
    public static TheoryData<string, string, string?> Loaded() => new()
    {
        { "tied-flag-lies/model", "llama-untied", "lm_head.weight\" differs from the embedding" },
        { "extra-value-head/model", "llama-untied", "left out 2 tensors that have no role in family llama: \"v_head.summary.bias\"" },
        { "extra-mtp/model", "llama-untied", "left out" },
        { "extra-kv-scale/model", "llama-untied", "left out" },
        { "index-extra-tensor/model", "llama-sharded", "names a tensor that no shard holds: \"mtp.fc.weight\"" },
        { "index-subfolder/model", "llama-sharded", null },
        { "config-infinity/model", "llama-tied", null },
        { "config-duplicate/model", "llama-tied", null },
        { "rope-mrope/model", "llama-old", null },
        { "hub-cache/models--o--n", "llama-sharded", null },
        { "vl-wrapper/model", "llama-tied", "of the model \"llava\" only the text model is loaded" },
        { "eos-outside/model", "llama-tied", "eos_token_id must be below the vocabulary of 320, found 99999; it is ignored" },
    };

    [Theory, MemberData(nameof(Loaded))]
    public void What_loads_computes_what_transformers_does(string name, string family, string? warning)
    {
        var folder = SharedData.Require($"cases/{name}");
        using var expected = new GoldenFamily(family);
        using var golden = new Golden(expected.Folder);
        using var model = LanguageModel.Load(
            folder, new ModelOptions { Device = "cpu", WeightFormat = WeightFormat.F32, ContextLength = 112 });
        foreach (var test in golden.Cases)
        {
            var difference = Logits.LargestDifference(golden.Floats($"logits.{test}"), Logits.Of(model, golden.Ids($"ids.{test}")));
            Assert.True(difference <= Tolerance, $"{name}, case {test}: logits differ by {difference}");
        }
        var info = ModelInfo.Read(folder);
        Assert.Equal(info.Warnings, model.Warnings);
        Assert.Equal(model.EndTokenIds, info.EndTokenIds);
        if (warning is null) Assert.Empty(info.Warnings);
        else Assert.Contains(info.Warnings, text => text.Contains(warning, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("fp8", "quantization_config: a checkpoint quantised by fp8 is not supported (load the original in 16 bits")]
    [InlineData("gptq", "quantization_config: a checkpoint quantised by gptq is not supported (load the original in 16 bits")]
    [InlineData("rope-null-factor", "config.json: rope_scaling.factor must be a number, found null.")]
    [InlineData("lfs-pointer", "model.safetensors: is a Git LFS pointer, not the file itself (run `git lfs pull` in the folder")]
    [InlineData("lfs-pointer-tokenizer", "tokenizer.json: is a Git LFS pointer, not the file itself (run `git lfs pull` in the folder")]
    public void What_is_refused_says_what_to_do(string name, string message)
    {
        var folder = SharedData.Require($"cases/{name}/model");
        var read = Assert.ThrowsAny<EngineException>(() => ModelInfo.Read(folder));
        Assert.Contains(message, read.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(';', read.Message.Replace("16 bits;", "", StringComparison.Ordinal));     // one problem, not a list
        var load = Assert.ThrowsAny<EngineException>(() => LanguageModel.Load(folder, new ModelOptions { Device = "cpu" }));
        Assert.Equal(read.Message, load.Message);
    }

    [Fact]
    public void The_quantised_tensors_say_so_where_the_config_does_not()
    {
        foreach (var name in (string[])["fp8", "gptq"])
        {
            using var copy = new LinkedFolder(SharedData.Require($"cases/{name}/model"));
            var config = File.ReadAllText(copy.PathOf("config.json"));
            copy.Replace("config.json", config.Replace("quantization_config", "nobody_reads_this", StringComparison.Ordinal));
            var error = Assert.Throws<UnsupportedModelException>(() => ModelInfo.Read(copy.Folder));
            Assert.Contains("a checkpoint quantised by", error.Message, StringComparison.Ordinal);
            Assert.Contains(name, error.Message, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public void The_turn_of_a_chat_ends_with_the_tokenizers_end_token()
    {
        using var folder = WithModel("eos-not-in-generation/model");
        var info = ModelInfo.Read(folder.Folder);
        Assert.Equal([0, 2], info.EndTokenIds);
        var answer = CliProcess.Run("generate", "--model", folder.Folder, "--chat", "Say hi.", "--max-tokens", "200", "--temperature", "0",
            "--json");
        Assert.Equal("eos", answer.Json.GetProperty("finish_reason").GetString());
        Assert.Equal(2, answer.Json.GetProperty("stop").GetInt32());
        Assert.DoesNotContain("<|im_start|>", answer.Json.GetProperty("text").GetString()!, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stop_text_that_is_a_special_token_ends_the_text()
    {
        using var folder = WithModel("eos-not-in-generation/model");
        folder.Replace("tokenizer_config.json", """{"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>"}""");
        folder.Replace("special_tokens_map.json", "{}");
        const string prompt = "<|im_start|>user\nSay hi.<|im_end|>\n<|im_start|>assistant\n";
        Assert.Equal([0], ModelInfo.Read(folder.Folder).EndTokenIds);
        var answer = CliProcess.Run(
            "generate", "--model", folder.Folder, "--prompt", prompt, "--max-tokens", "200", "--temperature", "0", "--stop", "<|im_end|>",
                "--json");
        Assert.Equal("stop", answer.Json.GetProperty("finish_reason").GetString());
        Assert.DoesNotContain("<|im_start|>", answer.Json.GetProperty("text").GetString()!, StringComparison.Ordinal);
    }

    [Fact]
    public void Templates_by_name_leave_raw_prompts_alone_and_a_chat_takes_the_usual_one()
    {
        using var folder = WithModel("template-dict/model");
        var tokenizer = Tokenizer.Load(folder.Folder);
        Assert.Equal(["default", "tool_use"], tokenizer.ChatTemplates.Keys.Order());
        Assert.StartsWith("DEFAULT ", tokenizer.ChatTemplate, StringComparison.Ordinal);
        Assert.Equal([19556, 905], tokenizer.Encode("Hello world"));
        var rendered = CliProcess.Run(
            "render", "--model", folder.Folder, "--jsonl", Path.Combine(SharedData.Require("cases/template-dict"), "conv.jsonl"), "--json");
        Assert.Equal("DEFAULT user:hi<|im_end|>\nassistant:", rendered.Json.GetProperty("text").GetString());
    }

    [Fact]
    public void Tokens_of_the_config_alone_are_tokens_of_the_text()
    {
        var tokenizer = Tokenizer.Load(SharedData.Require("cases/added-decoder-only/tok"));
        var ids = tokenizer.Encode("<|a|>x<|tool|>y", addSpecialTokens: false);
        // tokenizer.json has the first of them as 256; 257 is the first that only the config has.
        Assert.Equal([256, tokenizer.IdOf("x")!.Value, 257, tokenizer.IdOf("y")!.Value], ids);
        Assert.True(tokenizer.IsSpecial(257));
        Assert.Equal(256, tokenizer.SpecialTokens.EndId);
        Assert.Equal("xy", tokenizer.Decode(ids, skipSpecialTokens: true));
        Assert.Empty(tokenizer.Warnings);
    }

    [Fact]
    public void An_end_token_that_is_only_named_is_special()
    {
        var tokenizer = Tokenizer.Load(SharedData.Require("cases/named-only/tok"));
        var ids = tokenizer.Encode("hi</s>", addSpecialTokens: false);
        Assert.Equal([.. tokenizer.Encode("hi", addSpecialTokens: false), tokenizer.SpecialTokens.EndId!.Value], ids);
        Assert.True(tokenizer.IsSpecial(ids[^1]));
        Assert.Equal("hi", tokenizer.Decode(ids, skipSpecialTokens: true));
        Assert.Empty(tokenizer.Warnings);
    }

    [Fact]
    public void Info_shows_end_tokens_and_warnings_and_the_command_warns_once()
    {
        var folder = SharedData.Require("cases/eos-outside/model");
        var info = CliProcess.Run("info", "--model", folder, "--json");
        Assert.Equal([2], info.Json.GetProperty("end_token_ids").EnumerateArray().Select(id => id.GetInt32()));
        Assert.Contains("found 99999", Assert.Single(info.Json.GetProperty("warnings").EnumerateArray()).GetString()!,
            StringComparison.Ordinal);
        var text = CliProcess.Run("info", "--model", folder);
        Assert.Contains("end tokens: 2\n", text.Output, StringComparison.Ordinal);
        Assert.StartsWith("coppice: warning: generation_config.json: eos_token_id", text.OneWarning, StringComparison.Ordinal);
        var run = CliProcess.Run("generate", "--model", folder, "--ids", "5,6", "--max-tokens", "2", "--json", "--device", "cpu");
        Assert.StartsWith("coppice: warning: generation_config.json: eos_token_id", run.OneWarning, StringComparison.Ordinal);
        Assert.Single(run.Json.GetProperty("warnings").EnumerateArray());
    }

    private static LinkedFolder WithModel(string name)
    {
        var folder = new LinkedFolder(SharedData.Require("models/smollm2-135m-instruct"));
        foreach (var file in Directory.EnumerateFiles(SharedData.Require($"cases/{name}")))
            folder.Replace(Path.GetFileName(file), File.ReadAllText(file));
        return folder;
    }
}
