using System.Text;
using Coppice.Weights;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>Whatever the user gets wrong is one line on stderr and the right exit status.</summary>
public sealed class CliErrorTests(CliModelFolder files) : IClassFixture<CliModelFolder>
{
    [Theory]
    [InlineData("--frob", "--frob is not an option")]
    [InlineData("--temperature=-1", "--temperature must be a number of at least 0")]
    [InlineData("--temperature=warm", "--temperature must be a number of at least 0")]
    [InlineData("--top-p=1.5", "--top-p must be a number from 0 to 1")]
    [InlineData("--max-tokens=0", "--max-tokens must be a whole number of at least 1")]
    [InlineData("--logprobs=21", "--logprobs must be a whole number from 0 to 20")]
    [InlineData("--seed=-1", "--seed must be a whole number")]
    [InlineData("--stop=", "--stop")]
    [InlineData("--frequency-penalty=much", "--frequency-penalty must be a number")]
    [InlineData("--presence-penalty=inf", "--presence-penalty must be a number")]
    [InlineData("--min-tokens=-1", "--min-tokens must be a whole number of at least 0")]
    [InlineData("--end-id=-1", "--end-id must be a token id")]
    [InlineData("--logit-bias=5", "--logit-bias must be ID=B")]
    [InlineData("--logit-bias=5=inf", "--logit-bias must be ID=B")]
    [InlineData("--logit-bias=-5=1", "--logit-bias must be ID=B")]
    [InlineData("--weights=q9", "--weights must be one of as-stored, f32, f16, bf16")]
    [InlineData("--kv=none", "--kv must be one of f32, f16, bf16")]
    [InlineData("--device=tpu", "--device must be auto, cpu, cuda")]
    [InlineData("--drafter=psychic", "--drafter must be one of auto, none, prompt-lookup")]
    [InlineData("--drafter=prompt-lookup:speed=9", "settings are length, max-match, min-match, typical, guard, got \"speed\"")]
    [InlineData("--kv=gear5", "--kv must be one of f32, f16, bf16")]
    [InlineData("--kv=gear4:speed=9", "cache gear4: settings are key-bits, value-bits")]
    [InlineData("--kv=f16:rank=2", "takes no settings")]
    [InlineData("--context=1", "--context must be a whole number from 2 to 268435456")]
    [InlineData("--threads=lots", "--threads must be a whole number from 0 to 1024")]
    [InlineData("--ids=1,x", "exclude each other")]
    public void A_wrong_option_is_wrong_usage(string option, string expected)
    {
        var outcome = CliProcess.Run("generate", "--model", files.Model, "--prompt", "a", option);
        Assert.Equal(2, outcome.Status);
        Assert.Contains(expected, outcome.OneError, StringComparison.Ordinal);
        Assert.Contains("(see coppice generate --help)", outcome.OneError, StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_go_together_is_said_and_never_ignored()
    {
        var outcome = CliProcess.Run("generate", "--model", files.Model, "--prompt", "a", "--activations=int8");
        Assert.Equal(1, outcome.Status);
        Assert.Contains("Activations Int8 need WeightFormat Q8 or Q4, got AsStored", outcome.OneError, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_model_the_shipped_one_speaks()
    {
        var outcome = CliProcess.Run("generate", "Gets or sets the", "--max-tokens", "4", "--temperature", "0");
        Assert.Equal(0, outcome.Status);
        Assert.NotEqual("", outcome.Output.Trim());
    }

    [Fact]
    public void Missing_arguments_are_wrong_usage()
    {
        Assert.Equal(2, CliProcess.Run("generate", "--model", files.Model).Status);
        Assert.Equal(2, CliProcess.Run("frob").Status);
        Assert.Equal(2, CliProcess.Run().Status);
    }

    [Fact]
    public void Files_that_are_not_there_or_not_readable_are_named()
    {
        Mends(["info", "--model", Path.Combine(files.Folder, "nowhere")], "nowhere: the model's folder must be there");
        Mends(["info", "--model", files.Write("file", "x")], "must be a folder");
        Mends(["generate", "--model", files.Model, "--prompt-file", "nowhere.txt"], "nowhere.txt: the file must be there");
        Mends(["generate", "--model", files.Model, "--prompt-file", files.Model], "must be a file, found a folder");
        var latin = Path.Combine(files.Folder, "latin.txt");
        File.WriteAllBytes(latin, [.. Encoding.ASCII.GetBytes("caf"), 0xE9, (byte)'!']);
        Mends(["generate", "--model", files.Model, "--prompt-file", latin], "must be UTF-8, found a byte that is not at offset 3");
        Mends(["logits", "--model", files.Model, "--ids-file", "nowhere", "--out", Path.Combine(files.Folder, "o")],
            "nowhere: the file must be there");
    }

    /// <summary>"$MODEL" and "$FILE" where nobody has set them.</summary>
    [Fact]
    public void Empty_names_are_called_so()
    {
        const string hint = "(was a variable of the shell meant that is not set?)";
        Mends(["generate", "--model", "", "a"], $"--model must name a folder or a model, found an empty text {hint}");
        Mends(["generate", "--model", files.Model, "--prompt-file", ""], $"a file's name must not be empty {hint}");
        Mends(["tokenize", "--model", files.Model, "--jsonl", ""], $"a file's name must not be empty {hint}");
    }

    [Theory]
    [InlineData("""{"id": "\ud800", "prompt": "a"}""")]
    [InlineData("""{"id": {"a": ["\ud800"]}, "prompt": "a"}""")]
    [InlineData("""{"id": {"\ud800": 1}, "prompt": "a"}""")]
    [InlineData("""{"\udc00": 1, "prompt": "a"}""")]
    public void Keys_and_ids_of_lines_must_be_text(string line)
    {
        var path = files.Write($"half-{Guid.NewGuid():N}.jsonl", line);
        foreach (var command in (string[])["generate", "tokenize", "embed"])
            Mends([command, "--model", files.Model, "--jsonl", path],
                "line 1: keys and \"id\" must be Unicode text, found half a surrogate pair");
    }

    [Theory]
    [InlineData("x", "found something else in line 1, byte 1.")]
    [InlineData("{\n\"messages\": [{\"role\": 5}]}", "found something else in line 2, byte")]
    public void A_conversation_that_is_none_is_told_by_place(string content, string expected)
    {
        var saved = files.Write($"saved-{Guid.NewGuid():N}.json", content);
        var outcome = CliProcess.Run($"/load {saved}\n/exit\n", [], ["chat", "--model", files.Model, "--device", "cpu"]);
        Assert.Contains(expected, outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("LineNumber", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_that_leads_nowhere_does_not_keep_info_from_the_rest()
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("making symbolic links is a privilege on Windows");
        var folder = files.Copy("dangling");
        File.CreateSymbolicLink(Path.Combine(folder, "LICENSE"), "nowhere");
        Assert.Contains("LICENSE (0 bytes)", CliProcess.Run("info", "--model", folder).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Ids_must_be_integers_of_one_dimension()
    {
        var path = Path.Combine(files.Folder, "wrong.safetensors");
        using (var writer = new SafetensorsWriter(path, [("ids.a", SafetensorsType.F32, [2L])]))
        {
            writer.Write<float>([1, 2]);
            writer.Complete();
        }
        Mends(["logits", "--model", files.Model, "--ids-file", path, "--out", path + ".out"], "ids.a must be I64 or I32, found F32");
        Assert.False(File.Exists(path + ".out"));
    }

    [Fact]
    public void Models_that_cannot_be_run_say_why()
    {
        var family = files.Copy("family");
        File.WriteAllText(Path.Combine(family, "config.json"), """{"model_type":"perceptron"}""");
        Mends(["generate", "--model", family, "--prompt", "a"], "perceptron");
        var broken = files.Copy("broken");
        File.WriteAllText(Path.Combine(broken, "config.json"), "{");
        Mends(["info", "--model", broken], "config.json");
        var weightless = files.Copy("weightless");
        File.Delete(Path.Combine(weightless, "model.safetensors"));
        Mends(["generate", "--model", weightless, "--prompt", "a"], "model.safetensors");
        Assert.Equal(0, CliProcess.Run("info", "--model", weightless).Status);
        var textless = files.Copy("textless");
        File.Delete(Path.Combine(textless, "tokenizer.json"));
        Mends(["generate", "--model", textless, "--prompt", "a"], "textless: the folder has none of tokenizer.json, tokenizer.model, "
            + "vocab.json with merges.txt, vocab.txt, so it takes no text (give token ids with --ids)");
        Assert.Equal(0, CliProcess.Run("generate", "--model", textless, "--ids", "1,2", "--max-tokens", "2").Status);
    }

    [Fact]
    public void Prompts_that_do_not_fit_say_what_does()
    {
        Mends(["generate", "--model", files.Model, "--prompt", new string('a', CliModelFolder.Context)],
            "128 tokens leave no room to generate in a context of 128");
        Mends(["generate", "--model", files.Model, "--context", "4", "--prompt", "abcd"], "raise --context");
        Mends(["generate", "--model", files.Model, "--prompt", ""], "at least one token");
        Mends(["generate", "--model", files.Model, "--ids", "999"], "ids must be 0..256, got 999");
        Mends(["perplexity", "--model", files.Model, "--text", files.Write("long.txt", new string('a', 200))],
            "200 tokens do not fit a context of 128 (use --window or --max-tokens, or raise --context)");
    }

    [Fact]
    public void Memory_that_is_not_there_is_said_to_be_missing()
    {
        Assert.SkipWhen(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes > 60L << 30, "the longest context fits this machine");
        // The longest context takes 69 GB of this model. The collector's limit says nothing about memory outside its heap.
        var outcome = CliProcess.Run(["generate", "--model", files.Model, "--device", "cpu", "--prompt", "a", "--context", "268435456"]);
        Assert.Contains("bytes are needed, but this process may have", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("choose a shorter context", outcome.Error, StringComparison.Ordinal);
        Assert.Equal(1, outcome.Status);
    }

    [Theory]
    [InlineData("{\"prompt\":\"a\",\"top_k\":-1}", "line 1: \"top_k\" must be a whole number of at least 0, found -1")]
    [InlineData("{\"prompt\":\"a\",\"logit_bias\":{\"x\":1}}", "line 1: \"logit_bias\" must be ID=B for different tokens")]
    [InlineData("{\"prompt\":\"a\",\"logit_bias\":[1]}", "line 1: \"logit_bias\" must be")]
    [InlineData("{\"prompt\":\"a\",\"end_id\":[1,\"x\"]}", "line 1: \"end_id\" must be a token id, or several")]
    [InlineData("{\"prompt\":\"a\"}\n{\"prompt\":\"a\",\"frob\":1}", "line 2: \"frob\" is not known")]
    [InlineData("{\"prompt\":\"a\",\"ids\":[1]}", "line 1: must have one of \"prompt\", \"messages\" and \"ids\", found several")]
    [InlineData("{\"id\":1}", "found none")]
    public void A_wrong_line_is_named_before_the_model_is_loaded(string lines, string expected) =>
        Mends(["generate", "--model", files.Model, "--jsonl", files.Write($"wrong-{Guid.NewGuid():N}.jsonl", lines), "--json"], expected);

    [Theory]
    [InlineData("{\"ids\":[1]}\n{\"ids\":[999]}", "line 2: prompt: ids must be 0..256, got 999")]
    [InlineData("{\"prompt\":\"a\"}\n{\"ids\":[]}", "line 2: prompt: must have at least one token")]
    [InlineData("{\"messages\":[],\"tools\":{\"name\":\"f\"}}", "line 1: \"tools\" must be a list")]
    public void A_prompt_that_the_model_cannot_take_is_named_by_its_line(string lines, string expected) =>
        Mends(["generate", "--model", files.Model, "--max-tokens", "1", "--jsonl", files.Write($"wrong-{Guid.NewGuid():N}.jsonl", lines),
            "--json"], expected);

    [Fact]
    public void A_size_that_is_no_number_is_one_problem()
    {
        var odd = files.Copy("odd-size");
        File.WriteAllText(Path.Combine(odd, "config.json"), File.ReadAllText(Path.Combine(odd, "config.json"))
            .Replace("\"vocab_size\":257", "\"vocab_size\":\"257\"", StringComparison.Ordinal));
        Mends(["info", "--model", odd], "coppice: config.json: vocab_size must be a whole number, found \"257\".");
    }

    [Fact]
    public void A_stack_trace_is_shown_to_those_who_ask()
    {
        var outcome = CliProcess.Run("info", "--model", Path.Combine(files.Folder, "nowhere"), "--verbose");
        Assert.Equal(1, outcome.Status);
        Assert.Contains("   at ", outcome.Error, StringComparison.Ordinal);
    }

    private static void Mends(string[] arguments, string expected)
    {
        var outcome = CliProcess.Run(arguments);
        Assert.Contains(expected, outcome.OneError, StringComparison.Ordinal);
        Assert.Equal(1, outcome.Status);
    }
}
