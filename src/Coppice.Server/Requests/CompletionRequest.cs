using Coppice.Server.Http;

namespace Coppice.Server.Requests;

/// <summary>A request to /v1/completions.</summary>
internal sealed record CompletionRequest(
    IReadOnlyList<PromptInput> Prompts, SamplingFields Sampling, int MaxTokens, int? LogProbs, bool Echo)
{
    /// <summary>What the API takes where the field is absent.</summary>
    private const int UsualTokens = 16;
    private const int MostPrompts = 256, MostLogProbs = 20;

    /// <summary>Reads the body; the model's name was read before.</summary>
    /// <exception cref="ApiException">A field is not what it must be.</exception>
    public static CompletionRequest Read(RequestFields fields, LanguageModel model)
    {
        var prompts = PromptInput.Read(fields, "prompt");
        if (prompts.Count > MostPrompts) throw ApiException.Wrong("prompt", $"at most {MostPrompts} texts", $"{prompts.Count}");
        var sampling = SamplingFields.Read(fields, model);
        SamplingFields.Ignore(fields);
        var logProbs = fields.Whole("logprobs", 0, MostLogProbs);
        var echo = fields.Flag("echo") ?? false;
        if (echo && logProbs is not null)
            throw ApiException.Refused("\"echo\" with \"logprobs\" is not served: the prompt's log-probabilities are not computed.",
                "echo");
        if (fields.Text("suffix") is { Length: > 0 })
            throw ApiException.Refused("\"suffix\" is not served: this model continues a text, it fills no gap.", "suffix");
        if (fields.Whole("best_of", 1, int.MaxValue) is { } best && best != sampling.Count)
            throw ApiException.Wrong("best_of", $"\"n\", which is {sampling.Count}, or absent", $"{best}");
        var tokens = fields.Whole("max_tokens", 1, int.MaxValue) ?? UsualTokens;
        fields.RefuseOthers();
        sampling = sampling with { Options = sampling.Options with { LogProbs = logProbs } };
        return new CompletionRequest(prompts, sampling, tokens, logProbs, echo);
    }
}
