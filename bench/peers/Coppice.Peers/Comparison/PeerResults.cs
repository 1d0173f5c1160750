using System.Text.Json;
using System.Text.Json.Serialization;

namespace Coppice.Peers.Comparison;

/// <summary>Speeds of one engine with one setting: a sample for each round, in tokens per second, or why there are none.</summary>
/// <param name="Engine">"coppice", "llama.cpp" or "PyTorch".</param>
/// <param name="Setting">Weights, activations and cache.</param>
/// <param name="Samples">One for each round.</param>
internal sealed record PeerSeries(string Engine, string Setting, List<double> Samples)
{
    /// <summary>Why the engine could not run it, or null.</summary>
    public string? Unavailable { get; set; }

    /// <summary>What else the engine said in each round, by name; null where it said nothing.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Dictionary<string, List<double>>? Details { get; set; }

    /// <summary>The middle sample, or the mean of the middle two; null where there are none.</summary>
    [JsonIgnore]
    public double? Median => MedianOf(Samples);

    /// <summary>The same of a detail; null where there is none of that name.</summary>
    public double? Detail(string name) => Details?.GetValueOrDefault(name) is { } values ? MedianOf(values) : null;

    /// <summary>Adds a round's sample.</summary>
    public void Add(Measurement measurement)
    {
        Unavailable = null;
        Samples.Add(Math.Round(measurement.Speed, 2));
        foreach (var (name, value) in measurement.Details ?? new Dictionary<string, double>())
        {
            Details ??= [];
            if (!Details.TryGetValue(name, out var values)) Details.Add(name, values = []);
            values.Add(Math.Round(value, 4));
        }
    }

    private static double? MedianOf(List<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? null : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}

/// <summary>One test on one model in one precision, on every engine.</summary>
internal sealed record PeerCell(string Model, string Format, string Test, List<PeerSeries> Series)
{
    /// <summary>The fastest of an engine's series, or null.</summary>
    public PeerSeries? Best(string engine) => Fastest(series => series.Engine == engine);

    /// <summary>The fastest of all series that are not Coppice's, or null.</summary>
    public PeerSeries? BestPeer() => Fastest(series => series.Engine != Engines.Coppice);

    private PeerSeries? Fastest(Func<PeerSeries, bool> which) =>
        Series.Where(series => which(series) && series.Median is not null).MaxBy(series => series.Median);

    /// <summary>Speed of Coppice over that of the fastest peer, or null where one is missing.</summary>
    [JsonIgnore]
    public double? Ratio => Best(Engines.Coppice)?.Median / BestPeer()?.Median;
}

/// <summary>Names of the engines.</summary>
internal static class Engines
{
    public const string Coppice = "coppice", Llama = "llama.cpp", Torch = "PyTorch", Base = "base";
}

/// <summary>A comparison that may be made in several pieces: a file that each adds its samples to.</summary>
internal sealed record PeerResults(List<PeerCell> Cells)
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        IndentSize = 1,
    };

    /// <summary>The processor.</summary>
    public string Machine { get; set; } = "";
    /// <summary>Threads of every engine.</summary>
    public int Threads { get; set; }
    /// <summary>Versions by engine.</summary>
    public Dictionary<string, string> Versions { get; set; } = [];

    /// <summary>The results in <paramref name="path"/>.</summary>
    public static PeerResults Read(string path) =>
        JsonSerializer.Deserialize<PeerResults>(File.ReadAllText(path), Options)
            ?? throw new InvalidDataException($"{path}: must hold results.");

    /// <summary>Writes the results so that a reader sees the old file or the new one.</summary>
    public void Write(string path)
    {
        File.WriteAllText(path + ".partial", JsonSerializer.Serialize(this, Options) + "\n");
        File.Move(path + ".partial", path, overwrite: true);
    }

    /// <summary>The series of a cell, made where it is missing.</summary>
    public PeerSeries Series(string model, string format, string test, string engine, string setting)
    {
        var cell = Cells.Find(c => (c.Model, c.Format, c.Test) == (model, format, test));
        if (cell is null) Cells.Add(cell = new PeerCell(model, format, test, []));
        var series = cell.Series.Find(s => (s.Engine, s.Setting) == (engine, setting));
        if (series is null) cell.Series.Add(series = new PeerSeries(engine, setting, []));
        return series;
    }

    /// <summary>Geometric mean of the ratios of <paramref name="cells"/>, or null where there are none.</summary>
    public static double? GeometricMean(IEnumerable<PeerCell> cells)
    {
        double[] ratios = [.. cells.Select(cell => cell.Ratio).OfType<double>()];
        return ratios.Length == 0 ? null : Math.Exp(ratios.Average(Math.Log));
    }
}
