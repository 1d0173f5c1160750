using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Coppice.Cli;

/// <summary>The usual help, under the name that users type and followed by examples.</summary>
internal sealed class HelpWithExamples(HelpAction inner) : SynchronousCommandLineAction
{
    private static readonly Dictionary<string, string[]> Examples = new()
    {
        ["generate"] =
        [
            "coppice generate --model smollm2 --chat \"What is coppicing?\"",
            "coppice generate --model smollm2 --prompt-file notes.txt --max-tokens 200 --temperature 0.8 --top-p 0.95 --seed 1",
            "coppice generate --model smollm2 --jsonl prompts.jsonl --json > answers.jsonl",
        ],
        ["chat"] = ["coppice chat --model smollm2", "coppice chat --model smollm2 --system \"Answer in one sentence.\" --temperature 0.7"],
        ["score"] =
        [
            "coppice score --model smollm2 --prompt \"The capital of France is\" \" Paris\"",
            "coppice score --model smollm2 --jsonl answers.jsonl --json",
        ],
        ["logits"] = ["coppice logits --model smollm2 --ids-file ids.safetensors --out logits.safetensors"],
        ["perplexity"] =
        [
            "coppice perplexity --model smollm2 --text novel.txt --max-tokens 4096 --window 512",
            "coppice perplexity --model smollm2 --text novel.txt --kv bf16 --reference-kv f32",
        ],
        ["tokenize"] = ["coppice tokenize --model smollm2 \"Many shoots from one root\"",
            "coppice tokenize --model smollm2 --jsonl texts.jsonl --json"],
        ["render"] = ["coppice render --model smollm2 --jsonl conversations.jsonl",
            "coppice render --template chat_template.jinja --jsonl - --json"],
        ["info"] = ["coppice info --model smollm2"],
        ["bench"] = ["coppice bench --model smollm2", "coppice bench --model smollm2 --suite decode --json"],
        ["convert"] =
        [
            "coppice convert --model smollm2 --to gguf --type q8_0 smollm2-q8_0.gguf",
            "coppice convert --model smollm2 --to safetensors --type f32 smollm2-f32",
        ],
        ["kernels"] = ["coppice kernels", "coppice kernels --ptx sm_80 ptx", "coppice kernels --ptxas --json"],
        ["coppice"] = ["coppice generate --model smollm2 \"Many shoots from\"", "coppice info --model smollm2", "coppice generate --help"],
    };

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        var configuration = parseResult.InvocationConfiguration;
        var output = configuration.Output;
        using var text = new StringWriter { NewLine = "\n" };
        configuration.Output = text;
        inner.Invoke(parseResult);
        var command = parseResult.CommandResult.Command;
        output.Write(
            text.ToString().Replace(RootCommand.ExecutableName, CoppiceCommand.Name, StringComparison.Ordinal).TrimEnd('\n') + "\n");
        if (Examples.TryGetValue(command is RootCommand ? CoppiceCommand.Name : command.Name, out var examples))
            output.Write("\nExamples:\n" + string.Concat(examples.Select(example => $"  {example}\n")));
        return ExitStatus.Done;
    }
}
