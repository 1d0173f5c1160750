using System.Text.Json;
using Coppice.Tests.Support;
using Coppice.Weights;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>The commands that run a model, as processes: what they write, key by key, and how they end.</summary>
public sealed class CliModelTests(CliModelFolder files) : IClassFixture<CliModelFolder>
{
    [Fact]
    public void Generate_gives_every_key()
    {
        var result = Generate("--prompt", "Many shoots", "--max-tokens", "12", "--ignore-eos", "--logprobs", "3").Json;
        Assert.Equal(11, result.GetProperty("prompt_tokens").GetInt32());
        Assert.Equal(12, result.GetProperty("ids").GetArrayLength());
        Assert.Equal("length", result.GetProperty("finish_reason").GetString());
        foreach (var key in (string[])["load_ms", "first_token_ms", "prefill_tokens_per_s", "decode_tokens_per_s", "decode_ms"])
            Assert.True(result.GetProperty("timing").GetProperty(key).GetDouble() > 0, key);
        var bytes = result.GetProperty("bytes");
        var parts = ((string[])["weights", "kv", "workspace"]).Sum(key => bytes.GetProperty(key).GetInt64());
        Assert.True(bytes.GetProperty("peak").GetInt64() >= parts);
        Assert.Equal(JsonValueKind.Number, result.GetProperty("allocated_bytes_per_token").ValueKind);
        var first = result.GetProperty("logprobs")[0];
        Assert.Equal(3, first.GetProperty("top").GetArrayLength());
        Assert.Equal(first.GetProperty("top")[0].GetRawText(),
            $"{{\"id\":{first.GetProperty("id")},\"logprob\":{first.GetProperty("logprob").GetRawText()}}}");
        Assert.False(result.TryGetProperty("id", out _));
        Assert.Equal(0, result.GetProperty("reused_tokens").GetInt32());
        Assert.Equal(JsonValueKind.Null, result.GetProperty("stop").ValueKind);
        Assert.Equal(JsonValueKind.Array, result.GetProperty("warnings").ValueKind);
    }

    [Fact]
    public void Streamed_text_is_the_text_of_the_object()
    {
        string[] arguments = ["--prompt", "é", "--max-tokens", "60", "--ignore-eos", "--temperature", "1", "--seed", "3"];
        var text = Generate(arguments).Json.GetProperty("text").GetString();
        var streamed = CliProcess.Run([.. (string[])["generate", "--model", files.Model, "--device", "cpu"], .. arguments]);
        Assert.Equal(text + "\n", streamed.Output);
        Assert.Contains("2 + 60 tokens, token limit", streamed.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_summary_says_how_many_tokens_were_reused()
    {
        var prompt = new string('a', 70);
        var lines = files.Write("reused.jsonl", $"{{\"prompt\":\"{prompt}\"}}\n{{\"prompt\":\"{prompt}b\"}}");
        string[] arguments = ["generate", "--model", files.Model, "--device", "cpu", "--jsonl", lines, "--max-tokens", "2", "--ignore-eos"];
        Assert.Equal([0, 64], CliProcess.Run([.. arguments, "--json"]).JsonLines.Select(line => line.GetProperty("reused_tokens")
            .GetInt32()));
        var notes = CliProcess.Run(arguments).Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith("70 + 2 tokens, token limit |", notes[0], StringComparison.Ordinal);
        Assert.StartsWith("71 + 2 tokens, token limit, reused 64 tokens |", notes[1], StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_prompt_in_every_form_gives_the_same_ids()
    {
        string[] options = ["--max-tokens", "8", "--ignore-eos"];
        var expected = Ids(Generate(["--prompt", "abc", .. options]).Json);
        Assert.Equal(expected, Ids(Generate(["abc", .. options]).Json));
        Assert.Equal(expected, Ids(Generate(["--ids", "97,98, 99", .. options]).Json));
        Assert.Equal(expected, Ids(Generate(["--prompt-file", files.Write("prompt.txt", "\uFEFFabc"), .. options]).Json));
        var lines = files.Write("prompts.jsonl", """
            {"id":"text","prompt":"abc"}
            {"id":"ids","ids":[97,98,99],"max_tokens":3}
            {"id":"chat","messages":[{"role":"user","content":"abc"}]}
            """);
        var results = Generate(["--jsonl", lines, .. options]).JsonLines;
        Assert.Equal(["text", "ids", "chat"], results.Select(result => result.GetProperty("id").GetString()));
        Assert.Equal(expected, Ids(results[0]));
        Assert.Equal(expected[..3], Ids(results[1]));
        Assert.Equal(Ids(Generate(["--chat", "abc", .. options]).Json), Ids(results[2]));
    }

    [Fact]
    public void A_prompt_may_look_like_an_option_or_a_response_file()
    {
        Assert.Equal(5, Generate("--prompt", "@home", "--max-tokens", "1").Json.GetProperty("prompt_tokens").GetInt32());
        Assert.Equal(6, Generate("--max-tokens", "1", "--", "--json").Json.GetProperty("prompt_tokens").GetInt32());
    }

    [Fact]
    public void A_stop_text_ends_the_generation_and_is_left_out()
    {
        var whole = Generate("--prompt", "abc", "--max-tokens", "40", "--ignore-eos").Json.GetProperty("text").GetString()!;
        var stop = whole.First(char.IsAscii).ToString();
        var result = Generate("--prompt", "abc", "--max-tokens", "40", "--ignore-eos", "--stop", "never there", "--stop", stop).Json;
        Assert.Equal("stop", result.GetProperty("finish_reason").GetString());
        Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], result.GetProperty("text").GetString());
    }

    [Fact]
    public void Logits_have_a_row_for_each_token()
    {
        var (input, output) = (Path.Combine(files.Folder, "ids.safetensors"), Path.Combine(files.Folder, "logits.safetensors"));
        using (var writer = new SafetensorsWriter(input, [("ids.long", SafetensorsType.I64, [5L]),
            ("ids.short", SafetensorsType.I32, [2L]), ("other", SafetensorsType.F32, [1L])]))
        {
            writer.Write<long>([1, 2, 3, 4, 5]);
            writer.Write<int>([1, 2]);
            writer.Write<float>([0]);
            writer.Complete();
        }
        var outcome = CliProcess.Run("logits", "--model", files.Model, "--device", "cpu", "--ids-file", input, "--out", output, "--json");
        Assert.Equal("""{"cases":[{"case":"long","tokens":5},{"case":"short","tokens":2}]}""", outcome.Output.TrimEnd());
        using var written = new Golden(files.Folder, "logits.safetensors");
        Assert.Equal(5 * 257, written.Floats("logits.long").Length);
        Assert.Equal(written.Floats("logits.long")[..(2 * 257)], written.Floats("logits.short"));
    }

    [Fact]
    public void Calibrate_writes_a_file_that_a_cache_takes()
    {
        var text = files.Write("calibration.txt", string.Concat(Enumerable.Range(0, 40).Select(i => $"line {i * i}\n")));
        var path = Path.Combine(files.Folder, "calibration.safetensors");
        var written = CliProcess.Run("calibrate-kv", "--model", files.Model, "--device", "cpu", "--text", text, path, "--json").Json;
        Assert.Equal((path, CliModelFolder.Context), (written.GetProperty("file").GetString(), written.GetProperty("tokens").GetInt32()));
        Assert.Equal((2, 2, 8), (written.GetProperty("layers").GetInt32(), written.GetProperty("kv_heads").GetInt32(),
            written.GetProperty("head_dim").GetInt32()));
        Assert.Equal(new FileInfo(path).Length, written.GetProperty("bytes").GetInt64());
        string[] score = ["perplexity", "--model", files.Model, "--device", "cpu", "--text", text, "--max-tokens", "128", "--json"];
        var plain = CliProcess.Run([.. score, "--kv", "kv-22"]).Json.GetProperty("mean_nll").GetDouble();
        Assert.NotEqual(plain, CliProcess.Run([.. score, "--kv", $"kv-22:calibration={path}"]).Json.GetProperty("mean_nll").GetDouble());
        var few = CliProcess.Run("calibrate-kv", "--model", files.Model, "--device", "cpu", "--text", files.Write("few.txt", "few"), path);
        Assert.Equal(1, few.Status);
        Assert.Contains("a text must have 128 to 128 tokens, got 3", few.OneError, StringComparison.Ordinal);
    }

    [Fact]
    public void Perplexity_compares_with_a_reference_position_by_position()
    {
        var text = files.Write("text.txt", string.Concat(Enumerable.Repeat("Many shoots from one root. ", 8)));
        string[] arguments = ["perplexity", "--model", files.Model, "--device", "cpu", "--text", text, "--max-tokens", "100", "--window",
            "40", "--json"];
        var same = CliProcess.Run([.. arguments, "--reference-kv", "f32"]).Json;
        Assert.Equal(100, same.GetProperty("tokens").GetInt32());
        Assert.Equal(Math.Exp(same.GetProperty("mean_nll").GetDouble()), same.GetProperty("perplexity").GetDouble(), 9);
        var reference = same.GetProperty("reference");
        Assert.Equal(same.GetProperty("mean_nll").GetDouble(), reference.GetProperty("mean_nll").GetDouble());
        Assert.Equal(0, reference.GetProperty("kl_mean").GetDouble(), 12);
        Assert.Equal(1, reference.GetProperty("top1_agreement").GetDouble());
        Assert.Equal(JsonValueKind.Null, reference.GetProperty("first_divergence").ValueKind);
        var rounded = CliProcess.Run([.. arguments, "--weights", "bf16", "--reference-weights", "f32"]).Json.GetProperty("reference");
        Assert.InRange(rounded.GetProperty("kl_mean").GetDouble(), 1e-9, 0.1);
        Assert.True(rounded.GetProperty("kl_p99").GetDouble() >= rounded.GetProperty("kl_mean").GetDouble());
        Assert.True(rounded.GetProperty("kl_p999").GetDouble() >= rounded.GetProperty("kl_p99").GetDouble());
        var integers = CliProcess.Run([.. arguments, "--weights", "q8", "--activations", "int8", "--reference-weights",
            "q8"]).Json.GetProperty("reference");
        Assert.InRange(integers.GetProperty("kl_mean").GetDouble(), 1e-9, 0.1);
        Assert.False(CliProcess.Run(arguments).Json.TryGetProperty("reference", out _));
    }

    [Fact]
    public void Bench_sets_speeds_beside_the_machines()
    {
        var result = CliProcess.Run("bench", "--model", files.Model, "--device", "cpu", "--suite", "decode", "--rounds", "1",
            "--json").Json;
        Assert.True(result.GetProperty("machine").GetProperty("read_GBps").GetDouble() > 0);
        Assert.True(result.GetProperty("machine").GetProperty("fma_GFLOPs").GetDouble() > 0);
        var row = Assert.Single(result.GetProperty("rows").EnumerateArray());
        Assert.Equal("decode-64", row.GetProperty("name").GetString());
        foreach (var key in (string[])["tokens_per_s", "GBps", "GFLOPs", "share_of_limit"])
            Assert.True(row.GetProperty(key).GetDouble() > 0, key);
    }

    [Fact]
    public void Chat_keeps_turns_and_obeys_commands()
    {
        var saved = Path.Combine(files.Folder, "saved.json");
        var outcome = CliProcess.Run($"/help\nhi\n/stats\n/save {saved}\n/reset\n/load {saved}\nho\n/frob\n/exit\n", [],
            ["chat", "--model", files.Model, "--device", "cpu", "--max-tokens", "6", "--system", "Be brief."]);
        Assert.Equal(0, outcome.Status);
        var messages = JsonDocument.Parse(File.ReadAllText(saved)).RootElement.GetProperty("messages");
        Assert.Equal(["system", "user", "assistant"], messages.EnumerateArray().Select(message => message.GetProperty("role").GetString()));
        Assert.StartsWith(messages[2].GetProperty("content").GetString() + "\n", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("/system TEXT", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("tokens/s", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("/frob is not known", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Ctrl_C_prints_what_there_is_and_the_summary()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("signals are sent with kill, which Windows does not have");
        var model = SharedData.Require("models/smollm2-135m-instruct");
        string[] arguments = ["generate", "--model", model, "--device", "cpu", "--prompt", "Once upon a time", "--max-tokens", "4000",
            "--ignore-eos"];
        var streamed = CliProcess.Interrupt(10, arguments);
        Assert.Equal(130, streamed.Status);
        Assert.EndsWith("\n", streamed.Output, StringComparison.Ordinal);
        Assert.Contains("stopped", streamed.Error, StringComparison.Ordinal);
        Assert.Contains("peak", streamed.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_CPU_tier_gives_the_same_ids()
    {
        string[] arguments = ["generate", "--model", files.Model, "--device", "cpu", "--prompt", "abc", "--max-tokens", "20",
            "--ignore-eos", "--json"];
        var expected = Ids(CliProcess.Run("", [("COPPICE_CPU", "portable")], arguments).Json);
        Assert.Equal(20, expected.Length);
        Assert.Equal(expected, Ids(CliProcess.Run(arguments).Json));
        var wrong = CliProcess.Run("", [("COPPICE_CPU", "mmx")], arguments);
        Assert.Equal(1, wrong.Status);
        Assert.Contains("portable, avx2, avx512 or assembled", wrong.OneError, StringComparison.Ordinal);
    }

    private CliOutcome Generate(params IEnumerable<string> arguments) =>
        CliProcess.Run([.. (string[])["generate", "--model", files.Model, "--device", "cpu", "--json"], .. arguments]);

    private static int[] Ids(JsonElement json) => [.. json.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
}
