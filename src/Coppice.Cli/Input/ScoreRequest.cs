using System.Text.Json;
using Coppice.Decoding;
using Coppice.Text;

namespace Coppice.Cli;

/// <summary>One text to be scored, with the prompt in front of it; each of the two as text or as token ids.</summary>
internal sealed record ScoreRequest
{
    public JsonElement? Id { get; init; }
    public string? Prompt { get; init; }
    public IReadOnlyList<int>? PromptIds { get; init; }
    public string? Text { get; init; }
    public IReadOnlyList<int>? Ids { get; init; }

    /// <summary>Where the request was read; null for that of the command line.</summary>
    public JsonLine? Line { get; init; }

    /// <summary>Reads a line of a JSON lines file.</summary>
    /// <exception cref="CommandException">It does not have exactly one text, has two prompts, an unknown key or a wrong value.</exception>
    public static ScoreRequest Read(JsonLine line)
    {
        line.Refuse("id", "prompt", "prompt_ids", "text", "ids");
        var request = new ScoreRequest
        {
            Line = line,
            Id = line.Id,
            Prompt = line.Text("prompt"),
            PromptIds = line.Ids("prompt_ids"),
            Text = line.Text("text"),
            Ids = line.Ids("ids"),
        };
        if ((request.Text is null) == (request.Ids is null))
            throw line.Wrong($"must have one of \"text\" and \"ids\", found {(request.Text is null ? "none" : "both")}.");
        if (request.Prompt is not null && request.PromptIds is not null)
            throw line.Wrong("must have at most one of \"prompt\" and \"prompt_ids\", found both.");
        return request;
    }

    /// <summary>
    /// The tokens for <paramref name="model"/>. What comes first, prompt or text, gets the special tokens that the tokenizer frames a text
    /// with; a text after a prompt gets none, and is cut into tokens on its own.
    /// </summary>
    /// <exception cref="CommandException">The model cannot take such a text, or it does not fit.</exception>
    public ScoredText Tokens(LanguageModel model) => Line is { } line ? line.Of(() => Encode(model)) : Encode(model);

    private ScoredText Encode(LanguageModel model)
    {
        var needsTokenizer = Prompt is not null || Text is not null;
        var tokenizer = needsTokenizer ? ModelFolders.RequireTokenizer(model, " (give token ids)") : null;
        IReadOnlyList<int> prompt = PromptIds ?? (Prompt is null ? [] : tokenizer!.Encode(Prompt));
        var text = Ids ?? tokenizer!.Encode(Text!, addSpecialTokens: Prompt is null && PromptIds is null);
        if (text.Count == 0) throw new CommandException("text: must have at least one token, found none.");
        var count = prompt.Count + text.Count;
        if (count > model.ContextLength)
        {
            throw new CommandException(
                $"text: {count:N0} tokens, prompt included, do not fit a context of {model.ContextLength:N0} (raise --context).");
        }
        PromptCheck.Ids([.. prompt, .. text], model.VocabularySize);
        return new ScoredText(prompt, text);
    }
}
