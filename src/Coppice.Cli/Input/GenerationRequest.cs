using System.Globalization;
using System.Text.Json;
using Coppice.Decoding;
using Coppice.Text;

namespace Coppice.Cli;

/// <summary>One generation: a prompt in one of three forms, and how to go on from it.</summary>
internal sealed record GenerationRequest
{
    private static readonly string[] PromptKeys = ["id", "prompt", "messages", "ids", "tools"];

    public JsonElement? Id { get; init; }
    public string? Text { get; init; }
    public IReadOnlyList<ChatMessage>? Messages { get; init; }
    public JsonElement? Tools { get; init; }
    public IReadOnlyList<int>? Ids { get; init; }
    public required GenerationSettings Settings { get; init; }

    /// <summary>Where the request was read; null for that of the command line.</summary>
    public JsonLine? Line { get; init; }

    /// <summary>Reads a line of a JSON lines file.</summary>
    /// <exception cref="CommandException">It does not have exactly one prompt, has an unknown key or a wrong value.</exception>
    public static GenerationRequest Read(CommandContext context, JsonLine line)
    {
        var known = PromptKeys.Concat(GenerationArguments.All.Select(setting => setting.Key)).ToArray();
        line.Refuse(known);
        var request = new GenerationRequest
        {
            Line = line,
            Id = line.Id,
            Text = line.Text("prompt"),
            Messages = line.Messages(),
            Tools = ToolsOf(line),
            Ids = line.Ids("ids"),
            Settings = GenerationArguments.Read(context, line),
        };
        var prompts = (request.Text is null ? 0 : 1) + (request.Messages is null ? 0 : 1) + (request.Ids is null ? 0 : 1);
        return prompts == 1
            ? request
            : throw line.Wrong($"must have one of \"prompt\", \"messages\" and \"ids\", found {(prompts == 0 ? "none" : "several")}.");
    }

    /// <summary>What <paramref name="work"/> gives; an error in it names the line of the request.</summary>
    public T InLine<T>(Func<T> work) => Line is { } line ? line.Of(work) : work();

    /// <summary>The same of work that is waited for.</summary>
    public async Task<T> InLineAsync<T>(Func<Task<T>> work)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (Exception error) when (Line is not null && JsonLine.IsMendable(error))
        {
            throw Line.Value.Wrong(Failure.Message(error), error);
        }
    }

    /// <summary>The ids in "1,2,3", or null where the text is something else.</summary>
    public static int[]? ParseIds(string text)
    {
        var parts = text.Split([',', ' ', '\n', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries);
        var ids = new int[parts.Length];
        for (var i = 0; i < parts.Length; i++)
            if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out ids[i])) return null;
        return ids;
    }

    /// <summary>
    /// The prompt's tokens for <paramref name="model"/>; those of a chat template begin as the template says, those of a text as the
    /// tokenizer says.
    /// </summary>
    /// <exception cref="CommandException">The model cannot take such a prompt, or it leaves no room to generate.</exception>
    public IReadOnlyList<int> Tokens(LanguageModel model, ref ChatRenderer? renderer)
    {
        var ids = Ids;
        if (ids is null)
        {
            var tokenizer = ModelFolders.RequireTokenizer(model, " (give token ids with --ids)");
            if (Messages is not null) renderer ??= ChatRenderer.Of(tokenizer);
            ids = Messages is null ? tokenizer.Encode(Text!) : renderer!.Encode(Messages, Tools);
        }
        if (ids.Count == 0) throw new CommandException("prompt: must have at least one token, found none.");
        if (ids.Count >= model.ContextLength)
            throw new CommandException(
                $"prompt: {ids.Count:N0} tokens leave no room to generate in a context of {model.ContextLength:N0} (raise --context or "
                + "shorten the prompt).");
        PromptCheck.Ids([.. ids], model.VocabularySize);
        return ids;
    }

    private static JsonElement? ToolsOf(JsonLine line)
    {
        if (!line.Json.TryGetProperty("tools", out var tools) || tools.ValueKind == JsonValueKind.Null) return null;
        return tools.ValueKind == JsonValueKind.Array
            ? tools
            : throw line.Wrong($"\"tools\" must be a list, found {JsonLines.Clip(tools.GetRawText())}.");
    }
}
