using System.Diagnostics;
using System.Diagnostics.Metrics;
using Coppice.Loading;

namespace Coppice.Observability;

/// <summary>What is told of a generation by the conventions of OpenTelemetry for generative AI (semantic conventions 1.37).</summary>
/// <remarks>Without listeners nothing is allocated and no clock is read.</remarks>
internal static class EngineTelemetry
{
    private const string Provider = "coppice";

    private static readonly string Version = typeof(EngineTelemetry).Assembly.GetName().Version?.ToString(3) ?? "";
    private static readonly ActivitySource Source = new(CoppiceDiagnostics.ActivitySourceName, Version);
    private static readonly Meter Meter = new(CoppiceDiagnostics.MeterName, Version);
    private static readonly Histogram<double> Duration = Meter.CreateHistogram<double>(
        "gen_ai.client.operation.duration", "s", "Time of a generation.");
    private static readonly Histogram<long> Usage = Meter.CreateHistogram<long>(
        "gen_ai.client.token.usage", "{token}", "Tokens of prompts and of answers.");
    private static readonly Histogram<double> FirstToken = Meter.CreateHistogram<double>(
        "gen_ai.server.time_to_first_token", "s", "Time from the call to the first token.");
    private static readonly Histogram<double> TokenTime = Meter.CreateHistogram<double>(
        "gen_ai.server.time_per_output_token", "s", "Time of a token after the first.");

    /// <summary>A generation begins.</summary>
    /// <param name="operation">"chat" or "text_completion".</param>
    /// <param name="folder">Names the model.</param>
    /// <param name="options">How it is generated.</param>
    public static GenerationScope Begin(string operation, string folder, GenerationOptions options)
    {
        EngineEventSource.Log.Begin();
        var listens = Source.HasListeners();
        if (!listens && !Duration.Enabled && !Usage.Enabled && !FirstToken.Enabled && !TokenTime.Enabled) return default;
        var name = ModelName.Of(folder);
        return new GenerationScope(operation, name, Stopwatch.GetTimestamp(), listens ? Start(operation, name, options) : null);
    }

    /// <summary>A generation that is watched from its beginning to its end.</summary>
    public readonly struct GenerationScope(string operation, string model, long start, Activity? activity)
    {
        /// <summary>It has ended; <paramref name="result"/> is null where it did not begin.</summary>
        public void End(GenerationResult? result)
        {
            EngineEventSource.Log.End(result?.PromptTokens ?? 0);
            if (model is null) return;
            var error = result is null or { FinishReason: FinishReason.Error } ? "error" : result.FinishReason == FinishReason.Cancelled
                ? "cancelled" : null;
            if (result is not null) Record(result, error);
            if (activity is null) return;
            if (error is not null)
            {
                activity.SetTag("error.type", error);
                if (error == "error") activity.SetStatus(ActivityStatusCode.Error);
            }
            if (result is not null)
            {
                activity.SetTag("gen_ai.response.model", model);
                activity.SetTag("gen_ai.response.finish_reasons", (string[])[ReasonOf(result.FinishReason)]);
                activity.SetTag("gen_ai.usage.input_tokens", result.PromptTokens);
                activity.SetTag("gen_ai.usage.output_tokens", result.Ids.Count);
                activity.SetTag("gen_ai.usage.cache_read.input_tokens", result.ReusedTokens);
            }
            activity.Dispose();
        }

        private void Record(GenerationResult result, string? error)
        {
            var tags = new TagList
            {
                { "gen_ai.operation.name", operation }, { "gen_ai.provider.name", Provider }, { "gen_ai.request.model", model },
                { "gen_ai.response.model", model },
            };
            if (result.Ids.Count > 0) FirstToken.Record(result.FirstTokenTime.TotalSeconds, tags);
            if (result.Ids.Count > 1) TokenTime.Record(result.DecodeTime.TotalSeconds / (result.Ids.Count - 1), tags);
            if (Usage.Enabled)
            {
                Usage.Record(result.PromptTokens, With(tags, "gen_ai.token.type", "input"));
                Usage.Record(result.Ids.Count, With(tags, "gen_ai.token.type", "output"));
            }
            Duration.Record(Stopwatch.GetElapsedTime(start).TotalSeconds, error is null ? tags : With(tags, "error.type", error));
        }
    }

    private static Activity? Start(string operation, string model, GenerationOptions options)
    {
        var parent = Activity.Current;
        var activity = Source.StartActivity($"{operation} {model}", ActivityKind.Internal);
        // A generation goes on across the steps of an iterator: what the host does between them is not part of it.
        Activity.Current = parent;
        if (activity is not { IsAllDataRequested: true }) return activity;
        activity.SetTag("gen_ai.operation.name", operation);
        activity.SetTag("gen_ai.provider.name", Provider);
        activity.SetTag("gen_ai.request.model", model);
        activity.SetTag("gen_ai.request.max_tokens", options.MaxTokens);
        activity.SetTag("gen_ai.request.temperature", options.Temperature);
        if (options.TopK > 0) activity.SetTag("gen_ai.request.top_k", options.TopK);
        if (options.TopP < 1) activity.SetTag("gen_ai.request.top_p", options.TopP);
        if (options.FrequencyPenalty != 0) activity.SetTag("gen_ai.request.frequency_penalty", options.FrequencyPenalty);
        if (options.PresencePenalty != 0) activity.SetTag("gen_ai.request.presence_penalty", options.PresencePenalty);
        if (options.Seed != 0) activity.SetTag("gen_ai.request.seed", options.Seed);
        if (options.StopSequences.Count > 0) activity.SetTag("gen_ai.request.stop_sequences", options.StopSequences.ToArray());
        return activity;
    }

    private static TagList With(TagList tags, string name, string value)
    {
        tags.Add(name, value);
        return tags;
    }

    private static string ReasonOf(FinishReason reason) => reason switch
    {
        FinishReason.Length => "length",
        FinishReason.Stop or FinishReason.Eos => "stop",
        FinishReason.Cancelled => "cancelled",
        _ => "error",
    };
}
