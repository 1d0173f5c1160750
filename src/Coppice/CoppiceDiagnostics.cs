namespace Coppice;

/// <summary>Names under which the library tells what it does, to those who listen. Without listeners it costs nothing.</summary>
public static class CoppiceDiagnostics
{
    /// <summary>
    /// The name of the <see cref="System.Diagnostics.ActivitySource"/>: an activity for each generation, with the attributes of
    /// OpenTelemetry's conventions for generative AI (gen_ai.*); never a text.
    /// </summary>
    public const string ActivitySourceName = "Coppice";

    /// <summary>
    /// The name of the <see cref="System.Diagnostics.Metrics.Meter"/>: gen_ai.client.operation.duration, gen_ai.client.token.usage,
    /// gen_ai.server.time_to_first_token and gen_ai.server.time_per_output_token.
    /// </summary>
    public const string MeterName = "Coppice";

    /// <summary>
    /// The name of the <see cref="System.Diagnostics.Tracing.EventSource"/> with counters for dotnet-counters: tokens-generated,
    /// prompt-tokens, generations and running-generations.
    /// </summary>
    public const string EventSourceName = "Coppice";
}
