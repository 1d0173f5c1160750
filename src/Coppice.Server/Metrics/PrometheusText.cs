using System.Globalization;
using System.Text;
using Coppice.Server.Generation;

namespace Coppice.Server.Metrics;

/// <summary>
/// All numbers in the text format of Prometheus, version 0.0.4: a line <c>name{labels} value</c> each, under its help and type.
/// </summary>
internal static class PrometheusText
{
    /// <summary>The media type of the text.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>A number of each model.</summary>
    private sealed record Line(string Name, string Type, string Help, Func<HostedModel, double> Value);

    private static readonly Line[] Lines =
    [
        new("coppice_sequences_running", "gauge", "Sequences that take part in passes.", model => model.Served.Statistics.RunningSequences),
        new("coppice_sequences_waiting", "gauge", "Sequences that wait for a place or for memory: the queue.",
            model => model.Served.Statistics.WaitingSequences),
        new("coppice_texts_admitted", "gauge", "Texts of requests that run or wait.", model => model.Admission.Taken),
        new("coppice_tokens_per_second", "gauge", "Generated tokens per second over the last ten seconds.",
            model => model.Metrics.Rate.PerSecond),
        new("coppice_kv_pages", "gauge", "Pages of keys and values in all, 64 positions each.", model => model.Served.Statistics.KvPages),
        new("coppice_kv_pages_used", "gauge", "Pages of keys and values in use, those of kept prompts among them.",
            model => model.Served.Statistics.KvPagesInUse),
        new("coppice_texts_total", "counter", "Texts that were generated, ended in whatever way.", model => model.Metrics.Texts),
        new("coppice_prompt_tokens_total", "counter", "Tokens of prompts.", model => model.Metrics.PromptTokens),
        new("coppice_generated_tokens_total", "counter", "Tokens that were generated.", model => model.Metrics.GeneratedTokens),
        new("coppice_prefix_hits_total", "counter", "Prompts of which keys and values were there already.",
            model => model.Metrics.PrefixHits),
        new("coppice_prefix_tokens_total", "counter", "Tokens of prompts whose keys and values were there already.",
            model => model.Metrics.ReusedTokens),
        new("coppice_passes_total", "counter", "Passes that chose tokens, counted for each text.", model => model.Metrics.Passes),
        new("coppice_draft_tokens_total", "counter", "Tokens that drafters proposed.", model => model.Metrics.DraftedTokens),
        new("coppice_accepted_draft_tokens_total", "counter", "Tokens of drafters that were accepted.",
            model => model.Metrics.AcceptedTokens),
        new("coppice_preemptions_total", "counter", "How often a sequence had to give its keys and values up.",
            model => model.Served.Statistics.Preemptions),
        new("coppice_embedded_tokens_total", "counter", "Tokens of texts that became vectors.", model => model.Metrics.EmbeddedTokens),
    ];

    /// <summary>The text.</summary>
    public static string Write(IReadOnlyList<HostedModel> models, RequestMetrics requests)
    {
        var text = new StringBuilder();
        Head(text, "coppice_requests_running", "gauge", "Requests that are being answered.");
        text.Append(CultureInfo.InvariantCulture, $"coppice_requests_running {requests.Open}\n");
        Head(text, "coppice_requests_total", "counter", "Requests by path and status of HTTP; 499 where the client went away.");
        foreach (var ((path, status), count) in requests.Counts)
            text.Append(CultureInfo.InvariantCulture, $"coppice_requests_total{{path=\"{path}\",status=\"{status}\"}} {count}\n");
        foreach (var line in Lines)
        {
            Head(text, line.Name, line.Type, line.Help);
            foreach (var model in models) text.Append(CultureInfo.InvariantCulture, $"{line.Name}{{{Label(model)}}} {line.Value(model)}\n");
        }
        Head(text, "coppice_time_to_first_token_seconds", "histogram", "From the request of a text to its first token.");
        foreach (var model in models) model.Metrics.FirstToken.Write(text, "coppice_time_to_first_token_seconds", Label(model));
        Head(text, "coppice_text_seconds", "histogram", "From the request of a text to its end.");
        foreach (var model in models) model.Metrics.WholeText.Write(text, "coppice_text_seconds", Label(model));
        return text.ToString();
    }

    private static void Head(StringBuilder text, string name, string type, string help) =>
        text.Append($"# HELP {name} {help}\n# TYPE {name} {type}\n");

    private static string Label(HostedModel model)
    {
        var name = model.Served.Name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
        return $"model=\"{name.Replace("\n", "\\n", StringComparison.Ordinal)}\"";
    }
}
