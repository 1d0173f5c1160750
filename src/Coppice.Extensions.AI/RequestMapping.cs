using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Coppice.Text;
using Microsoft.Extensions.AI;
using AIChatMessage = Microsoft.Extensions.AI.ChatMessage;
using ChatMessage = Coppice.Text.ChatMessage;

namespace Coppice.Extensions.AI;

/// <summary>From <see cref="ChatOptions"/> to a request of the model. Each option is mapped or refused by its name.</summary>
internal sealed class RequestMapping(IChatClient client, LanguageModel model, CoppiceChatClientOptions defaults, ChatOptions? options)
{
    private const string TemplateVariables = "chat_template_kwargs";
    private static readonly string[] Properties =
    [
        "min_p", "min_tokens", "repetition_penalty", "ignore_eos", "typical_p", "top_n_sigma", "epsilon_cutoff", "eta_cutoff",
        "xtc_probability", "xtc_threshold", "dry_multiplier", "dry_base", "dry_allowed_length", "min_keep", "samplers", "strategy",
        TemplateVariables,
    ];

    public ChatRequest Map(IEnumerable<AIChatMessage> messages)
    {
        var converted = ContentMapping.Messages(messages);
        var modelId = defaults.ModelId ?? model.Name;
        var request = new ChatRequest
        {
            Messages = converted,
            Generation = defaults.Generation with { MaxTokens = defaults.MaxOutputTokens ?? model.ContextLength },
            Overflow = defaults.Overflow,
            Scope = defaults.Scope,
            Now = defaults.TimeProvider.GetLocalNow().DateTime,
        };
        if (options is null) return Seeded(request, null);
        if (options.ConversationId is not null)
            throw Refused(nameof(options.ConversationId), "no conversation is kept here: give all its messages");
        if (options.ContinuationToken is not null) throw Refused(nameof(options.ContinuationToken), "answers cannot be resumed");
        if (options.AllowBackgroundResponses == true)
            throw Refused(nameof(options.AllowBackgroundResponses), "answers do not outlive their call");
        if (options.ModelId is { } asked && asked != modelId)
            throw Refused(nameof(options.ModelId), $"this client has \"{modelId}\" alone, got \"{asked}\"");
        request = FromFactory(request);
        if (options.Instructions is { Length: > 0 } instructions)
            request = request with { Messages = Instructed(request.Messages, instructions) };
        request = WithProperties(request with { Generation = Sampled(request.Generation) });
        return Seeded(WithReasoning(WithTools(WithFormat(request))), options.Seed);
    }

    private GenerationOptions Sampled(GenerationOptions generation)
    {
        if (options!.MaxOutputTokens is { } most) generation = generation with { MaxTokens = most };
        if (options.Temperature is { } temperature) generation = generation with { Temperature = temperature };
        if (options.TopP is { } topP) generation = generation with { TopP = topP };
        if (options.TopK is { } topK) generation = generation with { TopK = topK };
        if (options.FrequencyPenalty is { } frequency) generation = generation with { FrequencyPenalty = frequency };
        if (options.PresencePenalty is { } presence) generation = generation with { PresencePenalty = presence };
        if (options.StopSequences is { Count: > 0 } stops) generation = generation with { StopSequences = [.. stops] };
        return generation;
    }

    /// <summary>Without a seed, sampled answers differ from each other, as callers of chat clients expect.</summary>
    private static ChatRequest Seeded(ChatRequest request, long? seed)
    {
        if (seed is null && request.Generation.Seed != 0) return request;
        var value = seed is { } given ? unchecked((ulong)given)
            : BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
        return request with { Generation = request.Generation with { Seed = value } };
    }

    private static IReadOnlyList<ChatMessage> Instructed(IReadOnlyList<ChatMessage> messages, string instructions) =>
        messages is [{ Role: "system" } first, ..]
            ? [new ChatMessage("system", instructions + "\n\n" + first.Content), .. messages.Skip(1)]
            : [new ChatMessage("system", instructions), .. messages];

    private ChatRequest FromFactory(ChatRequest request)
    {
        switch (options!.RawRepresentationFactory?.Invoke(client))
        {
            case null: return request;
            case GenerationOptions generation: return request with { Generation = generation };
            case ChatRequest raw: return raw with { Messages = [.. raw.Messages, .. request.Messages] };
            case var other:
                throw Refused(
                    nameof(options.RawRepresentationFactory),
                    $"it must make a {nameof(ChatRequest)} or {nameof(GenerationOptions)}, got {other.GetType().Name}");
        }
    }

    private ChatRequest WithFormat(ChatRequest request)
    {
        switch (options!.ResponseFormat)
        {
            case null or ChatResponseFormatText: return request;
            case ChatResponseFormatJson json:
                var schema = json.Schema?.GetRawText() ?? """{"type": "object"}""";
                return request with { Generation = request.Generation with { Schema = schema } };
            case var other: throw Refused(nameof(options.ResponseFormat), $"text and JSON are known, got {other.GetType().Name}");
        }
    }

    private ChatRequest WithTools(ChatRequest request)
    {
        if (options!.Tools is { Count: > 0 } tools) request = request with { Tools = [.. tools.Select(ToolOf)] };
        if (options.AllowMultipleToolCalls is { } several) request = request with { AllowParallelCalls = several };
        return options.ToolMode switch
        {
            null or AutoChatToolMode => request,
            NoneChatToolMode => request with { ToolChoice = ToolChoice.None },
            RequiredChatToolMode { RequiredFunctionName: { } name } => request with { ToolChoice = ToolChoice.Function(name) },
            RequiredChatToolMode => request with { ToolChoice = ToolChoice.Required },
            var other => throw Refused(nameof(options.ToolMode), $"Auto, None and Require... are known, got {other.GetType().Name}"),
        };
    }

    private static ChatTool ToolOf(AITool tool) => tool is AIFunctionDeclaration function
        ? new ChatTool(function.Name, function.Description, function.JsonSchema.ValueKind == JsonValueKind.Object
            ? function.JsonSchema : null)
        : throw Refused(nameof(ChatOptions.Tools),
            $"the model calls functions of the host alone, got {tool.GetType().Name} \"{tool.Name}\"");

    private ChatRequest WithReasoning(ChatRequest request)
    {
        if (options!.Reasoning is not { } reasoning) return request;
        if (reasoning.Output == ReasoningOutput.Summary)
            throw Refused("Reasoning.Output", "reasoning is given in full or not at all, got Summary");
        if (reasoning.Effort is not { } effort) return request;
        var format = model.Chat.Format;
        if (format.Reasoning is null && effort != ReasoningEffort.None)
            throw Refused("Reasoning.Effort", $"this model's template knows no reasoning, got {effort}");
        if (format.Knows("reasoning_effort") && effort != ReasoningEffort.None)
        {
            var level = effort == ReasoningEffort.ExtraHigh ? "high" : effort.ToString().ToLowerInvariant();
            request = WithVariable(request, "reasoning_effort", JsonSerializer.SerializeToElement(level, ClientJson.Default.String));
        }
        return request with { Reasoning = effort != ReasoningEffort.None };
    }

    private static ChatRequest WithVariable(ChatRequest request, string name, JsonElement value) =>
        request with { TemplateVariables = new Dictionary<string, JsonElement>(request.TemplateVariables) { [name] = value } };

    private ChatRequest WithProperties(ChatRequest request)
    {
        if (options!.AdditionalProperties is not { Count: > 0 } properties) return request;
        var generation = request.Generation;
        foreach (var (name, value) in properties)
        {
            switch (name)
            {
                case "min_p": generation = generation with { MinP = (float)Number(name, value) }; break;
                case "min_tokens": generation = generation with { MinTokens = (int)Number(name, value) }; break;
                case "repetition_penalty": generation = generation with { RepetitionPenalty = (float)Number(name, value) }; break;
                case "ignore_eos": generation = generation with { IgnoreEos = Truth(name, value) }; break;
                case TemplateVariables:
                    foreach (var (variable, content) in Variables(value)) request = WithVariable(request, variable, content);
                    break;
                default: generation = WithSampler(generation, name, value); break;
            }
        }
        return request with { Generation = generation };
    }

    private static GenerationOptions WithSampler(GenerationOptions generation, string name, object? value) => name switch
    {
        "typical_p" => generation with { TypicalP = (float)Number(name, value) },
        "top_n_sigma" => generation with { TopNSigma = (float)Number(name, value) },
        "epsilon_cutoff" => generation with { EpsilonCutoff = (float)Number(name, value) },
        "eta_cutoff" => generation with { EtaCutoff = (float)Number(name, value) },
        "xtc_probability" => generation with { XtcProbability = (float)Number(name, value) },
        "xtc_threshold" => generation with { XtcThreshold = (float)Number(name, value) },
        "dry_multiplier" => generation with { DryMultiplier = (float)Number(name, value) },
        "dry_base" => generation with { DryBase = (float)Number(name, value) },
        "dry_allowed_length" => generation with { DryAllowedLength = (int)Number(name, value) },
        "min_keep" => generation with { MinKeep = (int)Number(name, value) },
        "samplers" => generation with { SamplerOrder = SamplerOrder.Parse(Words(name, value)) },
        "strategy" => generation with { Strategy = value as StrategyOptions ?? StrategyOptions.Parse(Words(name, value)) },
        _ => throw Refused($"AdditionalProperties[\"{name}\"]", $"known are {string.Join(", ", Properties)}"),
    };

    private static string Words(string name, object? value) => value switch
    {
        JsonElement { ValueKind: JsonValueKind.String } json => json.GetString()!,
        string text => text,
        _ => throw new ArgumentException($"options: AdditionalProperties[\"{name}\"] must be a text, got {value ?? "null"}."),
    };

    private static double Number(string name, object? value) => value switch
    {
        JsonElement { ValueKind: JsonValueKind.Number } json => json.GetDouble(),
        byte or short or int or long or float or double or decimal => Convert.ToDouble(value, CultureInfo.InvariantCulture),
        _ => throw new ArgumentException($"options: AdditionalProperties[\"{name}\"] must be a number, got {value ?? "null"}."),
    };

    private static bool Truth(string name, object? value) => value switch
    {
        bool truth => truth,
        JsonElement { ValueKind: JsonValueKind.True or JsonValueKind.False } json => json.GetBoolean(),
        _ => throw new ArgumentException($"options: AdditionalProperties[\"{name}\"] must be true or false, got {value ?? "null"}."),
    };

    private static IEnumerable<(string Name, JsonElement Value)> Variables(object? value) => value switch
    {
        JsonElement { ValueKind: JsonValueKind.Object } json => json.EnumerateObject().Select(property => (property.Name, property.Value)),
        IEnumerable<KeyValuePair<string, JsonElement>> pairs => pairs.Select(pair => (pair.Key, pair.Value)),
        IEnumerable<KeyValuePair<string, object?>> pairs => pairs.Select(pair =>
            (pair.Key, JsonSerializer.SerializeToElement(pair.Value, AIJsonUtilities.DefaultOptions.GetTypeInfo(typeof(object))))),
        _ => throw new ArgumentException(
            $"options: AdditionalProperties[\"{TemplateVariables}\"] must be an object, got {value ?? "null"}."),
    };

    private static NotSupportedException Refused(string option, string reason) =>
        new($"ChatOptions.{option} cannot be followed: {reason}.");
}
