using System.Text.Json;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>The commands that need no weights: tokenize, render, info, kernels, and help.</summary>
public sealed class CliTextTests(CliModelFolder files) : IClassFixture<CliModelFolder>
{
    [Fact]
    public void Tokenize_gives_ids_and_what_they_decode_to()
    {
        var result = CliProcess.Run("tokenize", "--model", files.Model, "Aé😀", "--json").Json;
        Assert.Equal([65, 0xC3, 0xA9, 0xF0, 0x9F, 0x98, 0x80], Ids(result, "ids"));
        Assert.Equal(Ids(result, "ids"), Ids(result, "ids_special"));
        Assert.Equal("Aé😀", result.GetProperty("decoded").GetString());
        Assert.Equal("Aé😀", result.GetProperty("decoded_skip").GetString());
        Assert.Equal(JsonValueKind.Null, result.GetProperty("id").ValueKind);
    }

    [Fact]
    public void Tokenize_answers_every_line_with_its_id()
    {
        // Line separators that are not \n must not break a line of the answer.
        var input = files.Write("texts.jsonl", "{\"id\":\"a\",\"text\":\"x\\u2028y\\u0085\"}\r\n\n{\"id\":7,\"text\":\"\"}");
        var outcome = CliProcess.Run("tokenize", "--model", files.Model, "--jsonl", input, "--json");
        Assert.DoesNotContain(outcome.Output, c => c is '\u2028' or '\u0085' or '\r');
        var lines = outcome.JsonLines;
        Assert.Equal(["\"a\"", "7"], lines.Select(line => line.GetProperty("id").GetRawText()));
        Assert.Equal("x\u2028y\u0085", lines[0].GetProperty("decoded").GetString());
        Assert.Empty(Ids(lines[1], "ids"));
    }

    [Fact]
    public void Stdin_stands_for_a_file()
    {
        var outcome = CliProcess.Run("{\"id\":1,\"text\":\"A\"}\n", [], ["tokenize", "--model", files.Model, "--jsonl", "-", "--json"]);
        Assert.Equal([65], Ids(outcome.Json, "ids"));
    }

    [Theory]
    [InlineData("{\"id\":1,\"text\":\"A\"}\n{\"id\":2,", "line 2")]
    [InlineData("[1]", "line 1")]
    [InlineData("\n\n{\"id\":1}", "line 3")]
    [InlineData("{\"text\":\"\\ud800\"}", "half a surrogate pair")]
    [InlineData("{\"text\":5}", "must be a string")]
    public void A_broken_line_is_named(string lines, string expected)
    {
        var outcome = CliProcess.Run("tokenize", "--model", files.Model, "--jsonl", files.Write($"broken-{Guid.NewGuid():N}.jsonl", lines),
            "--json");
        Assert.Equal(1, outcome.Status);
        Assert.StartsWith("coppice: ", outcome.Error, StringComparison.Ordinal);
        Assert.Contains(expected, outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Render_uses_the_models_template_and_special_tokens()
    {
        var lines = files.Write("conversations.jsonl", """
            {"id":"one","messages":[{"role":"user","content":"hi"}],"add_generation_prompt":true}
            {"id":"own","template":"{{ messages[0].content }}!","messages":[{"content":"ho"}]}
            {"id":"no","template":"{{ raise_exception('never') }}","messages":[]}
            """);
        var outcome = CliProcess.Run("render", "--model", files.Model, "--jsonl", lines, "--json");
        Assert.Equal(0, outcome.Status);
        Assert.Equal("u:hi<|end|>a:", outcome.JsonLines[0].GetProperty("text").GetString());
        Assert.Equal("ho!", outcome.JsonLines[1].GetProperty("text").GetString());
        Assert.Contains("never", outcome.JsonLines[2].GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.False(outcome.JsonLines[2].TryGetProperty("text", out _));
    }

    [Fact]
    public void Render_takes_the_template_for_tools_where_there_are_tools_and_the_model_has_one()
    {
        var model = files.Copy("two-templates");
        File.WriteAllText(Path.Combine(model, "tokenizer_config.json"), """
            {"chat_template": [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "{{ tools | length }} tools"}]}
            """);
        var lines = files.Write("with-tools.jsonl", """
            {"id":1,"messages":[]}
            {"id":2,"messages":[],"tools":null}
            {"id":3,"messages":[],"tools":[]}
            {"id":4,"messages":[],"tools":[{"name":"f"}]}
            """);
        var outcome = CliProcess.Run("render", "--model", model, "--jsonl", lines, "--json");
        Assert.Equal(["plain", "plain", "0 tools", "1 tools"], outcome.JsonLines.Select(line => line.GetProperty("text").GetString()));
    }

    [Fact]
    public void Info_counts_without_loading_weights()
    {
        var info = CliProcess.Run("info", "--model", files.Model, "--json").Json;
        Assert.Equal("llama", info.GetProperty("family").GetString());
        // Embedding, final norm, and in each of two layers q, k, v, o, gate, up, down and two norms.
        Assert.Equal(257 * 32 + 32 + 2 * (32 * 32 + 2 * 16 * 32 + 32 * 32 + 3 * 32 * 48 + 64), info.GetProperty("parameters").GetInt64());
        Assert.Equal(CliModelFolder.Context, info.GetProperty("context").GetInt32());
        var bytes = info.GetProperty("bytes");
        Assert.True(bytes.GetProperty("weights").GetProperty("bf16").GetInt64() < bytes.GetProperty("weights").GetProperty("f32")
            .GetInt64());
        Assert.Equal(2 * 2 * 16 * 4, bytes.GetProperty("kv").GetProperty("f32").GetProperty("token").GetInt64());
        Assert.Equal(1, bytes.GetProperty("kv").GetProperty("f16").GetProperty("of_f16").GetDouble());
        Assert.Equal(KvCacheOptions.Names, bytes.GetProperty("kv").EnumerateObject().Select(kind => kind.Name));
        Assert.Contains("eos_token", info.GetProperty("template").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Kernels_lists_and_writes_PTX_without_a_GPU()
    {
        var rows = CliProcess.Run("kernels", "--json").Json.GetProperty("rows");
        Assert.True(rows.GetArrayLength() > 10);
        Assert.All(rows.EnumerateArray(), row => Assert.NotEmpty(row.GetProperty("name").GetString()!));
        var wrong = CliProcess.Run("kernels", "--ptx", "sm_11", files.Folder);
        Assert.Equal(2, wrong.Status);
        Assert.Contains("sm_80", wrong.OneError, StringComparison.Ordinal);
    }

    [Fact]
    public void Kernels_of_the_CPU_are_listed_on_every_machine()
    {
        var folder = Path.Combine(files.Folder, "listings");
        var rows = CliProcess.Run("kernels", "--asm", folder, "--json").Json.GetProperty("rows").EnumerateArray().ToArray();
        Assert.Equal(rows.Length, Directory.GetFiles(folder, "*.asm").Length);
        var lines = File.ReadAllLines(Path.Combine(folder, "tile_bf16_12x2.asm"));
        Assert.Equal(24, lines.Count(line => line.Contains("vdpbf16ps", StringComparison.Ordinal)));
        var row = rows.Single(row => row.GetProperty("name").GetString() == "tile_q8_6x2");
        Assert.Equal("AVX512_VNNI", row.GetProperty("architecture").GetString());
        Assert.True(row.GetProperty("code_bytes").GetInt32() > 100);
        Assert.Equal(2, CliProcess.Run("kernels", "--asm", folder, "--ptxas").Status);
    }

    [Fact]
    public void Help_has_the_programs_name_and_examples()
    {
        var help = CliProcess.Run("generate", "--help");
        Assert.Equal(0, help.Status);
        Assert.Contains("coppice generate", help.Output, StringComparison.Ordinal);
        Assert.Contains("Examples:", help.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Coppice.Cli", help.Output, StringComparison.Ordinal);
    }

    private static int[] Ids(JsonElement json, string key) => [.. json.GetProperty(key).EnumerateArray().Select(id => id.GetInt32())];
}
