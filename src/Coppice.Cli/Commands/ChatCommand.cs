using System.CommandLine;
using System.Text.Json;
using Coppice.Decoding;
using Coppice.Text;

namespace Coppice.Cli.Commands;

/// <summary>`coppice chat`: a conversation that keeps its keys and values from turn to turn.</summary>
internal static class ChatCommand
{
    private static readonly Option<string?> SystemText = new("--system")
    {
        Description = "What the model is told first",
        HelpName = "TEXT",
    };

    public static Command Create() =>
        new Command("chat", "Talk with a model; /help lists what can be typed, ctrl-C stops an answer and, once more, the program")
        {
            SystemText,
        }
            .WithGeneration(without: ["logprobs", "logprobs-mode", "asap", "asap-file"]).WithModel().Runs(Run);

    private static int Run(CommandContext context)
    {
        if (context.Output.Json) throw context.Usage("--json is not an option of chat (use generate --jsonl)");
        var settings = GenerationArguments.Read(context);
        using var loaded = ModelArguments.Load(context);
        var tokenizer = ModelFolders.RequireTokenizer(loaded.Model);
        using var session = loaded.Model.NewSession();
        return new Conversation(context, loaded, session, ChatRenderer.Of(tokenizer), settings, context.Value(SystemText)).Run();
    }
}

/// <summary>The turns so far, and what the user types.</summary>
internal sealed class Conversation(
    CommandContext context, LoadedModel loaded, Session session, ChatRenderer renderer, GenerationSettings settings, string? system)
{
    private const string Help = """
        /help          this list
        /reset         begin anew
        /system TEXT   what the model is told first; begins anew
        /save FILE     write the conversation as JSON
        /load FILE     read one back
        /stats         tokens, times and memory of the last answer
        /exit          the end; so is ctrl-D
        """;

    private readonly CommandOutput _output = context.Output;
    private List<ChatTurn> _turns = system is null ? [] : [new ChatTurn("system", system)];
    private Generation? _last;

    /// <summary>Reads and answers until the input ends.</summary>
    public int Run()
    {
        // Piped input gives a transcript without prompts.
        var typed = !Console.IsInputRedirected;
        if (typed) _output.Note($"{loaded.Model.DeviceName}, context of {loaded.Model.ContextLength} tokens; /help for help.");
        using var input = new StreamReader(StandardStream.Input());
        while (true)
        {
            if (typed) _output.Prompt("> ");
            if (input.ReadLine() is not { } line) return ExitStatus.Done;
            if (string.IsNullOrWhiteSpace(line)) continue;
            if (line is "/exit" or "/quit") return ExitStatus.Done;
            try
            {
                if (line[0] == '/') Obey(line);
                else Answer(line);
            }
            catch (Exception error) when (error is CommandException or TemplateException or UnauthorizedAccessException
                || (error is IOException && error is not OutputException))
            {
                _output.Note($"coppice: {Failure.Message(error)}");
            }
        }
    }

    private void Obey(string line)
    {
        var (verb, argument) = line.Split(' ', 2, StringSplitOptions.TrimEntries) is [var first, var second]
            ? (first, second)
            : (line.Trim(), "");
        switch (verb)
        {
            case "/help": _output.Note(Help); break;
            case "/reset": Reset(_turns.FirstOrDefault() is { Role: "system" } told ? told.Content : null); break;
            case "/system": Reset(argument.Length == 0 ? null : argument); break;
            case "/save": Save(argument); break;
            case "/load": Load(argument); break;
            case "/stats": _output.Note(_last?.Summary(loaded, session) ?? "no answer yet"); break;
            default: _output.Note($"coppice: {verb} is not known (see /help)"); break;
        }
    }

    private void Answer(string text)
    {
        List<ChatTurn> turns = [.. _turns, new ChatTurn("user", text)];
        var request = new GenerationRequest
        {
            Messages = [.. turns.Select(turn => new ChatMessage(turn.Role, turn.Content))],
            Settings = settings,
        };
        ChatRenderer? chat = renderer;
        var tokens = request.Tokens(loaded.Model, ref chat);
        _last = Generation.Run(session, tokens, settings, context.Interrupts, _output);
        _output.WriteLine();
        _output.Flush();
        if (_last.Interrupted) _output.Note("(stopped)");
        else if (_last.Result.FinishReason == FinishReason.Length)
            _output.Note("(the answer reached its limit: see --max-tokens and --context)");
        _turns = [.. turns, new ChatTurn("assistant", _last.Result.Text)];
    }

    private void Reset(string? told)
    {
        session.Reset();
        _turns = told is null ? [] : [new ChatTurn("system", told)];
        _output.Note("The conversation begins anew.");
    }

    private void Save(string path)
    {
        if (path.Length == 0) throw new CommandException("/save: a file must be named.");
        File.WriteAllText(path, JsonSerializer.Serialize(new SavedConversation(_turns), CliJson.Default.SavedConversation) + "\n");
        _output.Note($"{_turns.Count} messages written to {path}.");
    }

    private void Load(string path)
    {
        if (path.Length == 0) throw new CommandException("/load: a file must be named.");
        SavedConversation? saved;
        try
        {
            saved = JsonSerializer.Deserialize(TextFile.Read(path), CliJson.Default.SavedConversation);
        }
        catch (JsonException error)
        {
            var place = $"line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}";
            throw new CommandException($"{path}: must be a conversation that /save wrote, found something else in {place}.", error);
        }
        if (saved?.Messages is null || saved.Messages.Any(turn => turn?.Role is null || turn.Content is null))
            throw new CommandException($"{path}: must hold messages with role and content.");
        _turns = [.. saved.Messages];
        _output.Note($"{_turns.Count} messages read from {path}.");
    }
}
