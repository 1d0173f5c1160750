using Coppice.Decoding;
using Coppice.Text;

namespace Coppice.Cli;

/// <summary>A text whose hidden states are wanted: what a model has written, after the prompt that it went on from.</summary>
/// <param name="Line">Where it was read.</param>
/// <param name="Prompt">A text, messages of a chat, or token ids; null for none.</param>
/// <param name="Text">The text; null where it is given as ids.</param>
/// <param name="Ids">The text as token ids; null where it is given as text.</param>
internal sealed record DumpRequest(JsonLine Line, object? Prompt, string? Text, IReadOnlyList<int>? Ids)
{
    /// <summary>Reads a line of a JSON lines file.</summary>
    /// <exception cref="CommandException">It does not have exactly one text, has two prompts, an unknown key or a wrong value.</exception>
    public static DumpRequest Read(JsonLine line)
    {
        line.Refuse("id", "prompt", "messages", "prompt_ids", "text", "ids");
        object?[] prompts = [line.Text("prompt"), line.Ids("prompt_ids"), line.Messages()];
        if (prompts.Count(prompt => prompt is not null) > 1)
            throw line.Wrong("must have at most one of \"prompt\", \"messages\" and \"prompt_ids\", found several.");
        var request = new DumpRequest(line, Array.Find(prompts, prompt => prompt is not null), line.Text("text"), line.Ids("ids"));
        return (request.Text is null) != (request.Ids is null)
            ? request
            : throw line.Wrong($"must have one of \"text\" and \"ids\", found {(request.Text is null ? "none" : "both")}.");
    }

    /// <summary>The tokens for <paramref name="model"/>; only what comes first gets the tokens that frame a text.</summary>
    /// <exception cref="CommandException">The model cannot take such a text, or it does not fit.</exception>
    public ScoredText Tokens(LanguageModel model, ref ChatRenderer? renderer)
    {
        try
        {
            var needsTokenizer = Prompt is string or IReadOnlyList<ChatMessage> || Text is not null;
            var tokenizer = needsTokenizer ? ModelFolders.RequireTokenizer(model, " (give token ids)") : null;
            if (Prompt is IReadOnlyList<ChatMessage>) renderer ??= ChatRenderer.Of(tokenizer!);
            int[] prompt = Prompt switch
            {
                string text => tokenizer!.Encode(text),
                IReadOnlyList<ChatMessage> messages => renderer!.Encode(messages),
                int[] ids => ids,
                _ => [],
            };
            var written = Ids ?? tokenizer!.Encode(Text!, addSpecialTokens: Prompt is null);
            if (written.Count == 0) throw new CommandException("text: must have at least one token, found none.");
            var count = prompt.Length + written.Count;
            if (count > model.ContextLength)
            {
                throw new CommandException(
                    $"text: {count:N0} tokens, prompt included, do not fit a context of {model.ContextLength:N0} (raise --context).");
            }
            PromptCheck.Ids([.. prompt, .. written], model.VocabularySize);
            return new ScoredText(prompt, written);
        }
        catch (Exception error) when (JsonLine.IsMendable(error))
        {
            throw Line.Wrong(Failure.Message(error), error);
        }
    }
}
