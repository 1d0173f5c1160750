using System.Globalization;
using System.Text;
using Coppice.Kernels.Tests.Ops;
using Coppice.Kernels.Tests.Support;
using Coppice.Ptx.Engine;
using Coppice.Ptx.Reports;
using Xunit;

namespace Coppice.Kernels.Tests.Ptx;

/// <summary>
/// What our kernels ask of memory on shapes of layers: sectors of every request against the least, and bank conflicts. The table is
/// bench/results/ptx/traffic.md; it is written where COPPICE_PTX is full.
/// </summary>
public sealed class TrafficTableTests
{
    private const double Bar = 1.05;

    /// <summary>Kernels that are beyond the bar, as they are: none may become worse.</summary>
    private static readonly Dictionary<string, double> Known = new()
    {
        // Lanes read activations 32 bytes apart, 16 at a time: every sector twice. Tiles of codes read 4 or 8 bytes of 16.
        ["MatMulRow(BF16, AlignedRow)"] = 1.50,
        ["MatMulRow(Q8, AlignedRow)"] = 1.66,
        ["MatMulRow(Q4, AlignedRow)"] = 1.76,
        ["MatMulTile(BF16, AlignedRow)"] = 1.50,
        ["MatMulTile(Q8, AlignedRow)"] = 1.95,
        ["MatMulTile(Q4, AlignedRow)"] = 2.45,
        ["MatMulCodesRow(Q4)"] = 1.16,
        ["MatMulCodesTile(Q4)"] = 2.66,
        ["RoundRows(AlignedRow)"] = 1.79,
        // One number of each block's state.
        ["MergeBlocks"] = 1.27,
    };

    /// <summary>
    /// Scores of a block are stored by 8 lanes that are 8 words apart, so two share a bank: 8 passes too many for each block and head.
    /// </summary>
    private static readonly Dictionary<string, long> KnownConflicts = new() { ["AttendBlocks(Paged F16)"] = 4 * 8 * 8 };

    [Fact]
    public void No_kernel_has_more_bank_conflicts_or_wastes_more_sectors_than_is_known()
    {
        var rows = Measure();
        Assert.Contains("MatMulRow(BF16, AlignedRow)", rows.Keys);
        Assert.Contains("RmsNorm", rows.Keys);
        if (Full.IsAskedFor) Write(rows);
        Assert.All(rows, row =>
        {
            Assert.True(row.Value.Conflicts <= KnownConflicts.GetValueOrDefault(row.Key),
                $"{row.Key}: {row.Value.Conflicts} bank conflicts, {row.Value.Worst}");
            Assert.True(row.Value.Ratio <= Known.GetValueOrDefault(row.Key, Bar),
                $"{row.Key}: {row.Value.Ratio:f3} times the least sectors");
        });
    }

    private static SortedDictionary<string, Sum> Measure()
    {
        var sums = new SortedDictionary<string, Sum>(StringComparer.Ordinal);
        var loader = new PtxLoader("sm_80");
        loader.Receive = (kernel, report) =>
        {
            Assert.Empty(report.Faults);
            if (!sums.TryGetValue(kernel.Name, out var sum)) sums.Add(kernel.Name, sum = new Sum());
            sum.Add(report);
        };
        using var backend = GpuBackend.CreateOn(loader);
        foreach (var rows in (int[])[1, 4])
            foreach (var (format, activations) in ((MatrixFormat, ActivationFormat)[])[(MatrixFormat.BF16, ActivationFormat.F32),
                (MatrixFormat.Q8, ActivationFormat.F32), (MatrixFormat.Q4, ActivationFormat.F32), (MatrixFormat.Q4, ActivationFormat.Int8)])
                Run(bed => MatMulTests.Run(bed, new MatMulCase(rows, 2048, 32, format, false, activations)));
        Run(bed => AttentionTests.Run(bed, new AttentionCase(255, 1, 8, 2, 64, ElementType.F16, true, MaskKind.Causal)));
        Run(bed =>
        {
            var (x, y) = (bed.Place(new Shape(1, 2048), Noise.Uniform(1, 2048)), bed.Output(new Shape(1, 2048)));
            var weight = bed.Place(new Shape(2048), Noise.Uniform(2, 2048));
            bed.Backend.RmsNorm(x, weight, 1e-5f, y);
            bed.Backend.AddRmsNorm(x, y, 1, weight, 1e-5f, y);
            bed.Backend.GatedActivation(x, y, Numerics.Activation.Silu, y);
            return bed.Floats(y);
        });
        return sums;

        void Run(Func<Bed, float[]> run)
        {
            using var bed = new Bed(backend, Placement.Plain, onHost: false);
            run(bed);
        }
    }

    private static void Write(SortedDictionary<string, Sum> rows)
    {
        var folder = Path.Combine(RepositoryFolder.Path, "bench", "results", "ptx");
        Directory.CreateDirectory(folder);
        var text = new StringBuilder("# What kernels ask of memory, counted in the interpreter\n\n");
        text.Append("Made by `COPPICE_PTX=full tests/Coppice.Kernels.Tests/bin/Release/net10.0/Coppice.Kernels.Tests ");
        text.Append("-class '*.TrafficTableTests'`: ");
        text.Append("sm_80 text, products of 1 and 4 rows by [32, 2048], attention of one token over 256 positions, norms of 2,048. ");
        text.Append("Sectors: of 32 bytes, over the least that could hold the bytes of each request. Instructions of warps, in PTX.\n\n");
        text.Append("| kernel | sectors / least | bank conflicts | instructions | float | integer | loads | moves | flops |\n");
        text.Append("|---|--:|--:|--:|--:|--:|--:|--:|--:|\n");
        foreach (var (name, sum) in rows)
        {
            object[] cells = [name, sum.Ratio.ToString("f3", CultureInfo.InvariantCulture), sum.Conflicts, sum.Issued,
                sum.Of(InstructionClass.Float), sum.Of(InstructionClass.Integer), sum.Of(InstructionClass.GlobalLoad),
                sum.Of(InstructionClass.Move), sum.Flops];
            text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");
        }
        File.WriteAllText(Path.Combine(folder, "traffic.md"), text.ToString());
    }

    /// <summary>All launches of one kernel.</summary>
    private sealed class Sum
    {
        private readonly Dictionary<InstructionClass, long> _issued = [];
        private long _sectors, _least;

        public long Conflicts { get; private set; }
        public long Issued { get; private set; }
        public long Flops { get; private set; }
        public double Ratio => _least == 0 ? 1 : (double)_sectors / _least;

        public long Of(InstructionClass kind) => _issued.GetValueOrDefault(kind);

        /// <summary>The instruction with the most bank conflicts.</summary>
        public string Worst { get; private set; } = "";

        public void Add(LaunchReport report)
        {
            var worst = report.Instructions.MaxBy(count => count.Wavefronts - count.LeastWavefronts)!;
            Worst = $"{worst.Wavefronts} of {worst.LeastWavefronts} wavefronts in {worst.Instruction}";
            foreach (var kind in Enum.GetValues<InstructionClass>()) _issued[kind] = Of(kind) + report.Issued(kind);
            _sectors += report.Instructions.Sum(count => count.Sectors);
            _least += report.Instructions.Sum(count => count.LeastSectors);
            Conflicts += report.BankConflicts;
            Issued += report.TotalIssued;
            Flops += report.FloatOperations;
        }
    }
}
