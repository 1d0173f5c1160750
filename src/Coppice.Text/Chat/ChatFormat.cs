using System.Text.Json;
using Coppice.Text.Templates;

namespace Coppice.Text;

/// <summary>How a model writes conversations: its chat templates with its special tokens, to texts and to ids.</summary>
/// <remarks>
/// Immutable and safe for concurrent use. Templates write the special tokens themselves, so ids get no frame beside them: as
/// <c>apply_chat_template(tokenize=True)</c> of transformers.
/// </remarks>
public sealed class ChatFormat
{
    private const string WithTools = "tool_use";

    private readonly Tokenizer _tokenizer;
    private readonly ChatTemplate _template;
    private readonly ChatTemplate? _withTools;
    private readonly GivenText _given;

    /// <summary>The templates of <paramref name="tokenizer"/>'s folder.</summary>
    /// <exception cref="ArgumentException">It has none.</exception>
    /// <exception cref="TemplateException">One is not well formed.</exception>
    public ChatFormat(Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        var source = tokenizer.ChatTemplate
            ?? throw new ArgumentException("chat: the model's folder must have a chat template, found none.", nameof(tokenizer));
        _tokenizer = tokenizer;
        _template = new ChatTemplate(source);
        _withTools = tokenizer.ChatTemplates.TryGetValue(WithTools, out var other) ? new ChatTemplate(other) : null;
        var all = source + other;
        Reasoning = ReasoningFormat.Of(all);
        Tools = ToolCallFormat.Of(all);
        _given = new GivenText(tokenizer.ControlTexts([.. Reasoning?.Marks ?? [], .. Tools?.Marks ?? []]));
    }

    /// <summary>How the model sets its reasoning apart; null where its template knows nothing of it.</summary>
    public ReasoningFormat? Reasoning { get; }

    /// <summary>How the model writes calls of functions; null where its template knows nothing of them.</summary>
    public ToolCallFormat? Tools { get; }

    /// <summary>Whether answers come as messages in channels.</summary>
    internal bool IsInChannels => Tools?.Syntax.Body == CallBody.Channels;

    /// <summary>Whether the template looks at a variable of this name, such as enable_thinking.</summary>
    public bool Knows(string variable)
    {
        ArgumentException.ThrowIfNullOrEmpty(variable);
        return _template.Source.Contains(variable, StringComparison.Ordinal)
            || _withTools?.Source.Contains(variable, StringComparison.Ordinal) == true;
    }

    /// <summary>
    /// The text of a conversation. Variables that are not given are the model's special tokens; the time is that of the input.
    /// </summary>
    /// <exception cref="TemplateException">The template refused the conversation, failed on it, or passed a limit.</exception>
    public string Render(ChatTemplateInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        foreach (var (name, token) in _tokenizer.SpecialTokens.Named)
            if (!input.Variables.ContainsKey(name)) input = input.WithVariable(name, token);
        var template = input.Tools is null ? _template : _withTools ?? _template;
        return template.Render(input);
    }

    /// <summary>The ids of a conversation.</summary>
    /// <param name="input">The conversation.</param>
    /// <param name="allowSpecialTokens">
    /// Whether special tokens that are spelled in messages, tools and documents count as such. If not, the default, they are text: nothing
    /// that a user writes ends a turn or begins another.
    /// </param>
    /// <exception cref="TemplateException">The template refused the conversation, failed on it, or passed a limit.</exception>
    public int[] Encode(ChatTemplateInput input, bool allowSpecialTokens = false)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (allowSpecialTokens) return _tokenizer.Encode(Render(input), addSpecialTokens: false);
        var mark = GivenText.MarkFor(TextsOf(input));
        var text = Render(Marked(input, mark));
        // A template that asks for ASCII writes the mark as an escape.
        var escape = $"\\u{(int)mark:x4}";
        if (text.Contains(escape, StringComparison.Ordinal)) text = text.Replace(escape, mark.ToString(), StringComparison.Ordinal);
        return text.Contains(mark) ? _tokenizer.EncodeMarked(text, mark) : _tokenizer.Encode(text, addSpecialTokens: false);
    }

    private ChatTemplateInput Marked(ChatTemplateInput input, char mark) => input with
    {
        Messages = [.. input.Messages.Select(message => message.With(text => MarkIn(message, text, mark)))],
        Tools = input.Tools is { } tools ? JsonRewriter.Texts(tools, text => _given.Mark(text, mark)) : null,
        Documents = input.Documents is { } documents ? JsonRewriter.Texts(documents, text => _given.Mark(text, mark)) : null,
    };

    /// <summary>Templates look for reasoning in earlier answers by its marks, which must be found there.</summary>
    private string MarkIn(ChatMessage message, string text, char mark)
    {
        if (Reasoning is null || message.Role != "assistant") return _given.Mark(text, mark);
        var close = text.LastIndexOf(Reasoning.Close, StringComparison.Ordinal);
        if (close < 0) return _given.Mark(text, mark);
        var (thought, answer) = (text[..close], text[(close + Reasoning.Close.Length)..]);
        var opens = thought.StartsWith(Reasoning.Open, StringComparison.Ordinal);
        if (opens) thought = thought[Reasoning.Open.Length..];
        return (opens ? Reasoning.Open : "") + _given.Mark(thought, mark) + Reasoning.Close + _given.Mark(answer, mark);
    }

    private static HashSet<string> TextsOf(ChatTemplateInput input)
    {
        var texts = new HashSet<string>();
        string Take(string text)
        {
            texts.Add(text);
            return text;
        }
        foreach (var message in input.Messages) message.With(Take);
        if (input.Tools is { } tools) JsonRewriter.Texts(tools, Take);
        if (input.Documents is { } documents) JsonRewriter.Texts(documents, Take);
        return texts;
    }
}
