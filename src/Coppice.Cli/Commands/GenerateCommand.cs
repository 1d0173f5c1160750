using System.CommandLine;
using Coppice.Decoding;
using Coppice.Text;

namespace Coppice.Cli.Commands;

/// <summary>`coppice generate`: goes on from a prompt, or from each prompt of a file.</summary>
internal static class GenerateCommand
{
    private static readonly Argument<string?> Prompt = new("PROMPT")
    {
        Description = "The text to go on from",
        Arity = ArgumentArity.ZeroOrOne,
    };
    private static readonly Option<string?> PromptOption = new("--prompt") { Description = "The same as an option", HelpName = "TEXT" };
    private static readonly Option<string?> PromptFile = new("--prompt-file")
    {
        Description = "A file with the text; - for stdin",
        HelpName = "FILE",
    };
    private static readonly Option<string?> Ids = new("--ids") { Description = "Token ids instead of a text", HelpName = "1,2,3" };

    private static readonly Option<string?> Lines = new("--jsonl")
    {
        Description = "One generation for each line: \"prompt\", \"messages\" or \"ids\", an \"id\", and settings under the names of the "
            + "options (top_k); - for stdin",
        HelpName = "FILE",
    };

    private static readonly Option<int?> Parallel =
        ModelArguments.Whole("--parallel", 1, 1024,
            "Answer N lines of --jsonl at once; the answers come in the order of the lines [default: 1]");

    private static readonly Option<bool> Chat = new("--chat")
    {
        Description = "Put the prompt into the model's chat template, as a user's turn",
    };

    public static Command Create() =>
        new Command("generate", "Generate text, token by token")
            { Prompt, PromptOption, PromptFile, Ids, Lines, Parallel, Chat }.WithGeneration().WithModel().Runs(Run);

    private static int Run(CommandContext context)
    {
        var source = context.OneOf(Prompt, PromptOption, PromptFile, Ids, Lines)
            ?? throw context.Usage("a PROMPT, --prompt, --prompt-file, --ids or --jsonl must be given");
        if (context.Has(Parallel) && source != Lines) throw context.Usage("--parallel is for --jsonl");
        var chat = context.Value(Chat);
        if (chat && (source == Ids || source == Lines)) throw context.Usage($"--chat and {source.Name} exclude each other");
        if (source == Lines)
        {
            var lines = JsonLines.Read(context.Value(Lines)!);
            return GenerateLines.Run(
                context, [.. lines.Select(line => GenerationRequest.Read(context, line))], context.Value(Parallel) ?? 1);
        }
        var request = new GenerationRequest { Settings = GenerationArguments.Read(context) };
        if (source == Ids) return RunOne(context, request with { Ids = ParseIds(context) });
        var text = source == Prompt ? context.Value(Prompt)!
            : source == PromptOption ? context.Value(PromptOption)!
            : TextFile.Read(context.Value(PromptFile)!);
        return RunOne(context, chat ? request with { Messages = [new ChatMessage("user", text)] } : request with { Text = text });
    }

    private static int[] ParseIds(CommandContext context)
    {
        var text = context.Value(Ids)!;
        return GenerationRequest.ParseIds(text)
            ?? throw context.Usage($"--ids must be token ids such as 1,2,3, got {JsonLines.Clip(text)}");
    }

    private static int RunOne(CommandContext context, GenerationRequest request)
    {
        using var loaded = ModelArguments.Load(context);
        ChatRenderer? renderer = null;
        var tokens = request.Tokens(loaded.Model, ref renderer);
        using var session = loaded.Model.NewSession();
        var stream = context.Output.Json ? null : context.Output;
        var generation = Generation.Run(session, tokens, request.Settings, context.Interrupts, stream);
        if (stream is null) context.Output.WriteJson(generation.ToJson(loaded, session), CliJson.Default.GenerateResult);
        else
        {
            stream.WriteLine(loaded.Model.Tokenizer is null ? string.Join(',', generation.Result.Ids) : "");
            stream.Flush();
            stream.Note(generation.Summary(loaded, session));
        }
        return generation.Interrupted ? ExitStatus.Interrupted : ExitStatus.Done;
    }
}
