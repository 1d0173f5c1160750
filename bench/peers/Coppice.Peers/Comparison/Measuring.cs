namespace Coppice.Peers.Comparison;

/// <summary>One call of the tool that measures: what it adds to which results.</summary>
internal sealed class Measuring
{
    private readonly IReadOnlyList<string> _only;

    /// <summary>New results, or with --add those of the file <paramref name="json"/>.</summary>
    /// <exception cref="ArgumentException">The results that are added to were measured with other threads.</exception>
    public Measuring(Arguments arguments, string? json)
    {
        Threads = arguments.Number("--threads") ?? Environment.ProcessorCount;
        (Json, _only) = (json, arguments.All("--only"));
        Results = arguments.Flag("--add") && json is not null && File.Exists(json) ? PeerResults.Read(json) : new PeerResults([]);
        if (Results.Threads != 0 && Results.Threads != Threads)
            throw new ArgumentException($"--add: the results have {Results.Threads} threads, not {Threads}.");
        Results.Threads = Threads;
        var processor = ProcessorKind.Here();
        Results.Machine = processor.Name.Length > 0 ? $"{processor.Name} ({processor.Kind})" : processor.Kind;
    }

    /// <summary>Threads of every engine.</summary>
    public int Threads { get; }
    /// <summary>The file of results, or null where none is written.</summary>
    public string? Json { get; }
    /// <summary>Results so far.</summary>
    public PeerResults Results { get; }

    /// <summary>Measures the groups that the user wants, and writes the results.</summary>
    public void Run(IEnumerable<(string Name, IReadOnlyList<EngineRun> Runs)> groups, int rounds)
    {
        Comparer.Run(groups, Results, rounds, _only, () => { if (Json is not null) Results.Write(Json); });
    }
}
