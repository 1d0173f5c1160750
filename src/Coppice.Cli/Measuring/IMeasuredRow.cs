namespace Coppice.Cli.Measuring;

/// <summary>One row of `bench`: something that is measured again in every round, in turn with the other rows.</summary>
internal interface IMeasuredRow : IDisposable
{
    /// <summary>The row's name in the result.</summary>
    string Name { get; }

    /// <summary>Measures once more; a round that is not <paramref name="counted"/> warms up, and may be shorter.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    void Measure(bool counted, CancellationToken cancellation);

    /// <summary>Result of the counted rounds, beside what <paramref name="machine"/> could do.</summary>
    BenchRow Result(ModelWork work, MachineSpeed machine);
}
