using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Coppice.Drafting;
using Coppice.Server.Http;

namespace Coppice.Server.Requests;

/// <summary>The fields that completions and chat have in common.</summary>
/// <param name="Options">How tokens are chosen; MaxTokens is not in them yet.</param>
/// <param name="Count">Texts for each prompt.</param>
/// <param name="IsStream">Whether pieces are sent as they come.</param>
/// <param name="IncludesUsage">Whether the last event of a stream counts tokens.</param>
/// <param name="IsTraced">Whether events say what happened in each pass: an extension of this server.</param>
internal sealed record SamplingFields(GenerationOptions Options, int Count, bool IsStream, bool IncludesUsage, bool IsTraced)
{
    private const int MostTexts = 128, MostStops = 16;

    /// <summary>Those that need no file: a request must not make the server read one.</summary>
    private static readonly string[] Drafters = ["auto", "none"];

    /// <summary>Texts of the API without effect here.</summary>
    private static readonly string[] Texts =
        ["user", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "verbosity"];

    /// <summary>Reads them.</summary>
    /// <param name="fields">The body.</param>
    /// <param name="model">Whose recommendations hold where a field is absent.</param>
    /// <exception cref="ApiException">One is not what it must be.</exception>
    public static SamplingFields Read(RequestFields fields, LanguageModel model)
    {
        var recommended = model.DefaultGeneration;
        var stops = fields.Texts("stop") ?? [];
        if (stops.Count > MostStops || stops.Any(string.IsNullOrEmpty))
            throw ApiException.Wrong("stop", $"at most {MostStops} texts that are not empty", $"{stops.Count} texts");
        var seed = fields.Long("seed") is { } given ? unchecked((ulong)given)
            : BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));
        // Without a temperature the API samples; a model that recommends one knows better.
        var temperature = fields.Number("temperature", 0, 2) ?? (recommended.Temperature > 0 ? recommended.Temperature : 1);
        var options = new GenerationOptions
        {
            UseModelDefaults = true,
            Temperature = temperature,
            Seed = seed,
            FrequencyPenalty = fields.Number("frequency_penalty", -2, 2) ?? 0,
            PresencePenalty = fields.Number("presence_penalty", -2, 2) ?? 0,
            LogitBias = Biases(fields, model.VocabularySize),
            StopSequences = stops,
            IgnoreEos = fields.Flag("ignore_eos") ?? false,
            Drafter = DrafterOptions.Parse(fields.Choice("drafter", Drafters) ?? Drafters[0]),
        };
        if (fields.Number("top_p", 0, 1) is { } topP) options = options with { TopP = topP };
        if (fields.Whole("top_k", 0, int.MaxValue) is { } topK) options = options with { TopK = topK };
        if (fields.Number("min_p", 0, 1) is { } minP) options = options with { MinP = minP };
        if (fields.Number("repetition_penalty", 0.01, 100) is { } penalty) options = options with { RepetitionPenalty = penalty };
        if (fields.Whole("min_tokens", 0, int.MaxValue) is { } least) options = options with { MinTokens = least };
        if (fields.Text("strategy") is { } strategy) options = options with { Strategy = Strategy(strategy) };
        var stream = fields.Flag("stream") ?? false;
        var trace = fields.Flag("trace") ?? false;
        if (trace && !stream) throw ApiException.Refused("\"trace\" must come with \"stream\": true.", "trace");
        return new SamplingFields(options, fields.Whole("n", 1, MostTexts) ?? 1, stream, Usage(fields, stream), trace);
    }

    /// <summary>Reads what clients send and nothing here depends on.</summary>
    public static void Ignore(RequestFields fields)
    {
        foreach (var name in Texts) fields.Ignore(name, JsonValueKind.String, "a text");
        fields.Flag("store");
        fields.Ignore("metadata", JsonValueKind.Object, "an object");
        fields.Ignore("prediction", JsonValueKind.Object, "an object");
    }

    /// <summary>The options with their limit of tokens.</summary>
    /// <param name="asked">What the request asks for; null for all that fit.</param>
    /// <param name="field">The field's name, for messages.</param>
    /// <param name="prompt">Tokens of the prompt.</param>
    /// <param name="context">Tokens that fit.</param>
    /// <exception cref="ApiException">They do not fit.</exception>
    public GenerationOptions WithTokens(int? asked, string field, int prompt, int context)
    {
        if (prompt >= context)
            throw ApiException.TooLong(
                $"prompt: {prompt} tokens leave no room to generate in a context of {context}; shorten it.", "prompt");
        if (asked > context - prompt)
            throw ApiException.TooLong(
                $"\"{field}\": {asked} tokens after the {prompt} of the prompt are more than the context of {context}; "
                + $"at most {context - prompt} fit.", field);
        var most = asked ?? context - prompt;
        return Options.MinTokens <= most ? Options with { MaxTokens = most }
            : throw ApiException.Wrong("min_tokens", $"at most {field}, which is {most}", $"{Options.MinTokens}");
    }

    /// <summary>A strategy that needs no file.</summary>
    private static StrategyOptions Strategy(string text)
    {
        StrategyOptions strategy;
        try { strategy = StrategyOptions.Parse(text); }
        catch (ArgumentException error) { throw ApiException.Refused(error.Message, "strategy"); }
        if (strategy is ContrastOptions { Model: not null } or SwitchOptions)
            throw ApiException.Refused("\"strategy\" must not name a model: a request must not make the server read a file.", "strategy");
        return strategy;
    }

    private static bool Usage(RequestFields fields, bool stream)
    {
        if (fields.Object("stream_options") is not { } value) return false;
        if (!stream) throw ApiException.Refused("\"stream_options\" must come with \"stream\": true.", "stream_options");
        var inner = new RequestFields(value);
        var includes = inner.Flag("include_usage") ?? false;
        inner.Flag("include_obfuscation");
        inner.RefuseOthers();
        return includes;
    }

    private static Dictionary<int, float> Biases(RequestFields fields, int vocabulary)
    {
        const string must = "an object of token ids with numbers from -100 to 100";
        var biases = new Dictionary<int, float>();
        if (fields.Any("logit_bias") is not { } value) return biases;
        if (value.ValueKind != JsonValueKind.Object) throw ApiException.Wrong("logit_bias", must, value);
        foreach (var field in value.EnumerateObject())
        {
            if (!int.TryParse(field.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var id) || id >= vocabulary)
                throw ApiException.Wrong("logit_bias", $"{must}, below {vocabulary}", $"\"{ApiException.Clip(field.Name)}\"");
            if (field.Value.ValueKind != JsonValueKind.Number || !field.Value.TryGetSingle(out var bias) || Math.Abs(bias) > 100)
                throw ApiException.Wrong("logit_bias", must, field.Value);
            biases[id] = bias;
        }
        return biases;
    }
}
