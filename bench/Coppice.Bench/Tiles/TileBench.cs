using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Coppice.Kernels;
using Coppice.Kernels.Assembled;
using Coppice.Kernels.Memory;
using static Coppice.Bench.Percentiles;

namespace Coppice.Bench.Tiles;

/// <summary>
/// Products of every format of weights and activations on every tier: what share of the instruction's own peak many rows reach, and what
/// some rows cost beside one where weights come from memory.
/// </summary>
internal static class TileBench
{
    private const int Rounds = 9;
    /// <summary>More than any last-level cache of the machines that were seen holds.</summary>
    private const long FromMemory = 160L << 20;
    private static readonly int[] ManyRows = [8, 16, 96, 512], FewRows = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32];

    private static readonly (MatrixFormat Weights, ActivationFormat Activations)[] Kinds =
    [
        (MatrixFormat.F16, ActivationFormat.F32), (MatrixFormat.BF16, ActivationFormat.F32), (MatrixFormat.BF16, ActivationFormat.BF16),
        (MatrixFormat.Q8, ActivationFormat.F32), (MatrixFormat.Q8, ActivationFormat.Int8),
        (MatrixFormat.Q4, ActivationFormat.F32), (MatrixFormat.Q4, ActivationFormat.Int8),
    ];

    /// <summary>
    /// `tiles [--tiers assembled,avx512,avx2,portable] [--kinds Q8/Int8,...] [--outputs 2048] [--inputs 2048] [--machine NAME]`: without
    /// kinds and shape it writes tiles.md into the machine's folder of results.
    /// </summary>
    public static int Run(Func<string, string?> take)
    {
        var tiers = (take("--tiers") ?? "assembled,avx512,avx2").Split(',').Select(name => Enum.Parse<CpuTier>(name, ignoreCase: true))
            .Where(SimdBackend.IsSupported).ToArray();
        var only = take("--kinds")?.Split(',');
        var (ownOutputs, ownInputs) = (take("--outputs"), take("--inputs"));
        var (outputs, inputs) = (Number(ownOutputs ?? "2048"), Number(ownInputs ?? "2048"));
        var kinds = Kinds.Where(kind => only is null
            || only.Contains($"{kind.Weights}/{kind.Activations}", StringComparer.OrdinalIgnoreCase)).ToArray();
        foreach (var kind in TileKinds.All) TileKernels.Wait(kind);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            # Products beside what the instructions can do

            `coppice-bench tiles`, {CpuFeatures.Id.Split(',')[0]}, W [{outputs}, {inputs}]; medians of {Rounds} rounds, the kinds in turn.


            """);
        var (fma, bf16, int8) = (InstructionPeak.Fma(), InstructionPeak.BF16(), InstructionPeak.Int8());
        text.Append(CultureInfo.InvariantCulture,
            $"One thread, 10⁹ multiply-adds a second: `vfmadd231ps` {fma:f0}, `vdpbf16ps` {bf16:f0}, `vpdpbusd` {int8:f0} (512 bits).\n\n");
        text.Append("## One thread, weights in the cache: 10⁹ multiply-adds a second (share of the peak of the kind's instruction)\n\n");
        text.Append("| weights, activations | tier |").AppendJoin("|", ManyRows.Select(rows => $" {rows} rows ")).Append("|\n|---|---|");
        text.Insert(text.Length, "--:|", ManyRows.Length).Append('\n');
        foreach (var tier in tiers)
        {
            using var backend = SimdBackend.Create(1, tier);
            foreach (var kind in kinds)
            {
                var peak = kind.Activations switch { ActivationFormat.BF16 => bf16, ActivationFormat.Int8 => int8, _ => fma };
                var rates = Times(backend, kind, outputs, inputs, ManyRows, 1)
                    .Zip(ManyRows, (time, rows) => (double)rows * outputs * inputs / time / 1e9);
                text.Append(CultureInfo.InvariantCulture, $"| {kind.Weights}, {kind.Activations} | {tier} |");
                text.AppendJoin("|", rates.Select(rate => string.Create(CultureInfo.InvariantCulture,
                    $" {rate:f0}{(peak > 0 ? $" ({100 * rate / peak:f0} %)" : "")} "))).Append("|\n");
            }
        }
        text.Append("\n## All threads, weights from memory: t(M)/t(1)\n\n| weights, activations | tier | t(1) µs | GB/s |");
        text.AppendJoin("|", FewRows.Skip(1).Select(rows => $" {rows} ")).Append("|\n|---|---|--:|--:|");
        text.Insert(text.Length, "--:|", FewRows.Length - 1).Append('\n');
        foreach (var tier in tiers)
        {
            using var backend = SimdBackend.Create(0, tier);
            foreach (var kind in kinds)
            {
                var bytes = (double)kind.Weights.RowBytes(inputs) * outputs;
                var count = (int)Math.Ceiling(FromMemory / bytes);
                var times = Times(backend, kind, outputs, inputs, FewRows, count);
                text.Append(CultureInfo.InvariantCulture,
                    $"| {kind.Weights}, {kind.Activations} | {tier} | {1e6 * times[0]:f0} | {bytes / times[0] / 1e9:f1} |");
                text.AppendJoin("|", times.Skip(1).Select(time => string.Create(CultureInfo.InvariantCulture, $" {time / times[0]:f2} ")))
                    .Append("|\n");
            }
        }
        Console.WriteLine(text);
        if (only is null && ownOutputs is null && ownInputs is null && BenchResults.Folder() is { } folder)
            File.WriteAllText(Path.Combine(folder, "tiles.md"), text.ToString());
        return 0;
    }

    /// <summary>
    /// Seconds of a product of each of <paramref name="rows"/> with one of <paramref name="count"/> matrices, one after the other.
    /// </summary>
    private static double[] Times(
        SimdBackend backend, (MatrixFormat Weights, ActivationFormat Activations) kind, int outputs, int inputs, int[] rows, int count)
    {
        using var pool = backend.CreatePool("tiles",
            count * backend.WeightBytes(outputs, inputs, kind.Weights) + (long)rows.Max() * (outputs + inputs) * sizeof(float) + (1 << 20));
        var random = new Random(1);
        var values = Enumerable.Range(0, Math.Max(outputs, rows.Max()) * inputs).Select(_ => 2 * random.NextSingle() - 1).ToArray();
        var weights = Enumerable.Range(0, count)
            .Select(_ => backend.CreateWeight(pool, outputs, inputs, kind.Weights, kind.Activations)).ToArray();
        Parallel.ForEach(weights, weight => weight.Write(0, MemoryMarshal.AsBytes(values.AsSpan(0, outputs * inputs)), ElementType.F32));
        var x = pool.Rent(new Shape(rows.Max(), inputs), ElementType.F32);
        var y = pool.Rent(new Shape(rows.Max(), outputs), ElementType.F32);
        backend.Upload<float>(values.AsSpan(0, rows.Max() * inputs), x);
        var times = rows.Select(_ => new List<double>()).ToArray();
        for (var round = -1; round < Rounds; round++)
        {
            for (var i = 0; i < rows.Length; i++)
            {
                // As many products as take some milliseconds, all matrices at least once.
                var repeats = Math.Max(1, (int)(4e8 / ((double)rows[i] * outputs * inputs * count)));
                var start = Stopwatch.GetTimestamp();
                for (var repeat = 0; repeat < repeats; repeat++)
                    foreach (var weight in weights) backend.MatMul(x.Slice(0, rows[i]), weight, default, y.Slice(0, rows[i]));
                if (round >= 0) times[i].Add(Stopwatch.GetElapsedTime(start).TotalSeconds / (repeats * count));
            }
        }
        foreach (var weight in weights) weight.Dispose();
        x.Buffer.Dispose();
        y.Buffer.Dispose();
        return [.. times.Select(of => Median(of))];
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
