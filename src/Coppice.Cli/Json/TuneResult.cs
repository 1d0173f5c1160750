namespace Coppice.Cli;

/// <summary>What `coppice tune` has measured and chosen.</summary>
internal sealed record TuneResult
{
    public required string Device { get; init; }
    public required IReadOnlyList<TuneRow> Rows { get; init; }
    /// <summary>The choice, by the name that --activations takes.</summary>
    public required string Activations { get; init; }
    /// <summary>Where it was written.</summary>
    public required string File { get; init; }
}

/// <summary>One format of activations.</summary>
internal sealed record TuneRow
{
    public required string Activations { get; init; }
    public required double PrefillTokensPerS { get; init; }
    public required double DecodeTokensPerS { get; init; }
    public required double Perplexity { get; init; }
    /// <summary>Against activations as they are: 0.001 is a tenth of a percent more.</summary>
    public required double PerplexityChange { get; init; }
}
