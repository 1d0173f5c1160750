using System.Buffers;
using System.Text.Json;
using Coppice.Constraints;
using Coppice.Text;

namespace Coppice;

/// <summary>From one request to a prompt.</summary>
internal sealed class ChatPreparation
{
    private const string ReasoningSwitch = "enable_thinking", OtherReasoningSwitch = "thinking";

    private readonly LanguageModel _model;
    private readonly ChatFormat _format;
    private readonly ChatRequest _request;
    private readonly GenerationOptions _generation;
    private readonly JsonElement? _tools;

    public ChatPreparation(LanguageModel model, ChatFormat format, ChatRequest request)
    {
        request.Validate();
        (_model, _format, _request) = (model, format, request);
        _generation = request.Generation.For(model.DefaultGeneration, model.VocabularySize);
        _generation.CheckConstraints(hasTokenizer: true);
        var declares = request.Tools.Count > 0 && request.ToolChoice != ToolChoice.None;
        _tools = declares ? Declarations(request.Tools) : null;
    }

    public ChatPrompt Run()
    {
        var reasoning = _format.Reasoning;
        var (ids, dropped) = Fit();
        var beginsInReasoning = BeginsInReasoning(ids);
        if (!beginsInReasoning && reasoning is not null && _request.Reasoning == true && IsHeld)
        {
            // What holds for the answer must know where that begins: the model is not left to decide whether it reasons.
            ids = [.. ids, .. _model.Tokenizer!.Encode(reasoning.Open + "\n", addSpecialTokens: false)];
            beginsInReasoning = true;
        }
        var tools = _format.Tools ?? ToolCallFormat.Tagged;
        var generation = Held(tools.Syntax, beginsInReasoning ? reasoning!.Close : null);
        return new ChatPrompt
        {
            Ids = ids,
            DroppedMessages = dropped,
            Scope = _request.Scope,
            Reasoning = reasoning,
            BeginsInReasoning = beginsInReasoning,
            Tools = tools,
            ToolNames = _tools is null ? [] : [.. _request.Tools.Select(tool => tool.Name)],
            Generation = generation with { ShowSpecialTokens = true },
        };
    }

    /// <summary>Whether something holds for the answer from its first token on.</summary>
    private bool IsHeld => (_generation.NeedsText && _generation.ConstraintTrigger is null)
        || MustCall;

    /// <summary>Whether the answer must be a call.</summary>
    private bool MustCall => _tools is not null && _request.ToolChoice.IsRequired;

    /// <summary>The options of the request with what its tools demand.</summary>
    /// <param name="syntax">How calls are written.</param>
    /// <param name="close">What ends the reasoning that the prompt has begun; null for none.</param>
    private GenerationOptions Held(CallSyntax syntax, string? close)
    {
        var options = _request.Generation;
        if (_format.IsInChannels && (_generation.NeedsText || MustCall))
            throw new ArgumentException("chat: answers in channels can neither be held to a schema nor to a call.");
        if (_tools is null)
            return close is not null && _generation.NeedsText && options.ConstraintTrigger is null
                ? options with { ConstraintTrigger = close } : options;
        if (_generation.Grammar is not null || _generation.Regex is not null || _generation.Choices.Count > 0)
            throw new ArgumentException(
                "chat: Grammar, Regex and Choices cannot hold beside Tools that may be called (set ToolChoice to None).");
        if (CallConstraint.Of(syntax, _request, close) is not { } held) return options;
        var own = options.Constraint;
        return options with
        {
            Schema = null,
            Constraint = own is null ? held : vocabulary => new ConstraintIntersection(vocabulary, [held(vocabulary), own(vocabulary)]),
        };
    }

    /// <summary>
    /// The tokens of the conversation, or of its last turns where the rest does not fit; and how many messages that leaves out.
    /// </summary>
    private (int[] Ids, int Dropped) Fit()
    {
        var context = _model.ContextLength;
        var (ids, dropped) = (Encode(_request.Messages), 0);
        if (_request.Overflow == ContextOverflow.DropOldest)
        {
            var reserve = Math.Min(_generation.MaxTokens, context / 4);
            if (ids.Length + reserve <= context) return (ids, 0);
            foreach (var (messages, count) in Shorter())
            {
                (ids, dropped) = (Encode(messages), count);
                if (ids.Length + reserve <= context * 3 / 4) break;
            }
        }
        // The last turn alone may use the context to its end.
        if (ids.Length < context) return (ids, dropped);
        var what = dropped == 0 ? "the conversation" : "the last turn of the conversation";
        var hint = _request.Overflow == ContextOverflow.DropOldest || _request.Messages.Count < 3 ? "" : "set Overflow to DropOldest, ";
        throw new ContextOverflowException(
            $"chat: {what} must leave room for an answer in a context of {context:N0} tokens, "
            + $"it has {ids.Length:N0} (shorten it, {hint}or load the model with "
            + "a larger ContextLength).", ids.Length, context);
    }

    /// <summary>The conversation without its first turn, without its first two, and so on down to the last one.</summary>
    private IEnumerable<(IReadOnlyList<ChatMessage> Messages, int Dropped)> Shorter()
    {
        var messages = _request.Messages;
        var first = 0;
        while (first < messages.Count && messages[first].Role is "system" or "developer") first++;
        var head = messages.Take(first).ToArray();
        for (var start = first + 1; start < messages.Count; start++)
        {
            if (messages[start].Role == "user") yield return ([.. head, .. messages.Skip(start)], start - first);
        }
    }

    private int[] Encode(IReadOnlyList<ChatMessage> messages)
    {
        var knowsTools = _format.Tools is not null;
        var input = new ChatTemplateInput
        {
            Messages = knowsTools ? messages : DeclaredTools.Write(messages, _tools),
            Tools = knowsTools ? _tools : null,
            Documents = _request.Documents,
            AddGenerationPrompt = true,
            Variables = _request.TemplateVariables,
            Now = _request.Now ?? TimeProvider.System.GetLocalNow().DateTime,
        };
        // What holds for an answer and an answer after reasoning do not go together unless the caller asks for it.
        if ((_request.Reasoning ?? (IsHeld ? false : null)) is { } reasons)
        {
            foreach (var name in (string[])[ReasoningSwitch, OtherReasoningSwitch])
                if (!input.Variables.ContainsKey(name) && _format.Knows(name)) input = input.WithVariable(name, reasons);
        }
        var ids = _format.Encode(input, _request.AllowSpecialTokens);
        if (ids.Length == 0) throw new ArgumentException("chat: the template must give at least one token, found none.", nameof(messages));
        return ids;
    }

    private bool BeginsInReasoning(int[] ids)
    {
        if (_format.Reasoning is not { } reasoning) return false;
        const int enough = 16;
        var end = _model.Tokenizer!.Decode(ids.AsSpan(Math.Max(ids.Length - enough, 0)));
        return end.AsSpan().TrimEnd().EndsWith(reasoning.Open, StringComparison.Ordinal);
    }

    private static JsonElement Declarations(IReadOnlyList<ChatTool> tools)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartArray();
            foreach (var tool in tools)
            {
                writer.WriteStartObject();
                writer.WriteString("type", "function");
                writer.WriteStartObject("function");
                writer.WriteString("name", tool.Name);
                writer.WriteString("description", tool.Description ?? "");
                writer.WritePropertyName("parameters");
                if (tool.Parameters is { } parameters) parameters.WriteTo(writer);
                else writer.WriteRawValue("""{"type": "object", "properties": {}}""");
                writer.WriteEndObject();
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
        }
        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        return document.RootElement.Clone();
    }
}
