namespace Coppice;

/// <summary>What texts that could go on are worth: Q of a token, where the text ends with it.</summary>
public interface IContinuationValue
{
    /// <summary>Values of <paramref name="texts"/>, which may be continued and belong to the caller.</summary>
    /// <param name="texts">Forks that end with one candidate each.</param>
    /// <param name="values">Receives a value for each.</param>
    /// <param name="cancellationToken">Ends the work early.</param>
    ValueTask EstimateAsync(IReadOnlyList<StepText> texts, Memory<double> values, CancellationToken cancellationToken);
}
