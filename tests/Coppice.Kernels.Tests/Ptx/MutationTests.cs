using System.Text;
using Coppice.Kernels.Gpu;
using Coppice.Kernels.Tests.Ops;
using Coppice.Kernels.Tests.Reference;
using Coppice.Kernels.Tests.Support;
using Coppice.Ptx.Engine;
using Coppice.Ptx.Execution;
using Coppice.Ptx.Text;
using Xunit;

namespace Coppice.Kernels.Tests.Ptx;

/// <summary>
/// Faults planted in our kernels, one at a time, in instructions that the cases execute: the interpreter or the comparison must see them.
/// A sample here; all of them, with the table under bench/results/ptx, where COPPICE_PTX is full.
/// </summary>
public sealed class MutationTests(ITestOutputHelper output)
{
    private const int PerTarget = 6, SampledTargets = 3, SampledPerTarget = 4;

    /// <summary>What is mutated, and the cases that must show it.</summary>
    private static readonly Target[] Targets =
    [
        new("MatMulRow(BF16, AlignedRow)", Product(new MatMulCase(1, 264, 5, MatrixFormat.BF16, true), new MatMulCase(1, 1032, 2,
            MatrixFormat.BF16, false))),
        new("MatMulTile(F32, AnyRow)", Product(new MatMulCase(6, 33, 19, MatrixFormat.F32, true), new MatMulCase(9, 301, 8,
            MatrixFormat.F32, false))),
        new("MatMulRow(Q4, AnyRow)", Product(new MatMulCase(1, 257, 9, MatrixFormat.Q4, true))),
        new("MatMulCodesTile(Q8)", Product(new MatMulCase(5, 96, 17, MatrixFormat.Q8, false, ActivationFormat.Int8))),
        new("RoundRows(AlignedRow)", Product(new MatMulCase(3, 96, 4, MatrixFormat.Q8, false, ActivationFormat.Int8))),
        new("AttendBlocks(Paged F16)", Attention(new AttentionCase(70, 3, 4, 2, 32, ElementType.F16, true, MaskKind.Tree),
            new AttentionCase(126, 2, 2, 1, 18, ElementType.F16, true, MaskKind.Causal, Window: 70, SoftCap: 30))),
        new("MergeBlocks", Attention(new AttentionCase(200, 2, 4, 1, 24, ElementType.F32, false, MaskKind.Causal),
            new AttentionCase(8200, 2, 2, 1, 4, ElementType.F32, false, MaskKind.Causal))),
        new("RmsNorm", Rows(Norm, Tolerances.RmsNorm(300), new RowsCase(2, 0, 300), new RowsCase(3, 2, 33))),
        new("Softmax", Rows(Softmax, Tolerances.Softmax(300), new RowsCase(2, 0, 300), new RowsCase(1, 0, 33))),
        new("Select(RowCandidates)", new TargetCases(bed => TopK(bed, new TopKCase(2, 257, 5, true, true)), Tolerances.Exact)),
    ];

    /// <summary>Faults that change nothing that a launch of ours can show, each with the reason; found by the line as it was.</summary>
    private static readonly (string Kernel, string Line, string Reason)[] Equivalents =
    [
        ("MatMulTile(F32, AnyRow)", "setp.ge.s32\t%p32, %r125, %r14;",
            "equivalent: this kernel is for rows that are no multiple of 4 long, so element 4 of a slot is never the end of one"),
        ("AttendBlocks(Paged F16)", "max.f32\t%f172, %f15, %f171;",
            "equivalent: softmax is the same whatever is subtracted, short of overflow"),
        ("Softmax", "shfl.sync.bfly.b32\t%f53, %f3, 8, 31, 4294967295;",
            "equivalent: softmax is the same whatever is subtracted, short of overflow"),
        ("Select(RowCandidates)", "mul.lo.s32\t%r51, %r46, %r50;", "equivalent: it is multiplied by %tid.z, which is 0 in every launch"),
    ];

    [Fact]
    public void Faults_that_are_planted_are_caught()
    {
        var survivors = new List<string>();
        var rows = new List<string>();
        var count = 0;
        foreach (var (target, number) in Targets.Select((target, i) => (target, i)).Where(t => Full.IsAskedFor
            || t.i < 2 * SampledTargets && t.i % 2 == 1))
        {
            using var bench = new Bench(target);
            foreach (var mutation in bench.Choose(number, Full.IsAskedFor ? PerTarget : SampledPerTarget))
            {
                count++;
                var how = bench.Try(mutation)
                    ?? Equivalents.FirstOrDefault(e => e.Kernel == target.Kernel && e.Line == mutation.Before.Trim()).Reason;
                var row = $"| {target.Kernel} | {mutation.Line} | {mutation.Operator} | `{mutation.Before.Trim()}` "
                    + $"| `{mutation.After.Trim()}` | {how ?? "**not caught**"} |";
                rows.Add(row);
                if (how is null) survivors.Add(row);
            }
        }
        output.WriteLine($"{count - survivors.Count} of {count} caught or equivalent\n{string.Join('\n', survivors)}");
        if (Full.IsAskedFor) Write(rows, count - survivors.Count);
        Assert.True(count >= (Full.IsAskedFor ? 60 : SampledTargets * SampledPerTarget), $"only {count} faults were planted");
        Assert.True(survivors.Count <= 1, string.Join('\n', survivors));
    }

    private static void Write(List<string> rows, int caught)
    {
        var folder = Path.Combine(RepositoryFolder.Path, "bench", "results", "ptx");
        Directory.CreateDirectory(folder);
        var text = new StringBuilder("# Faults planted in the PTX of our kernels\n\n");
        text.Append("Made by `COPPICE_PTX=full tests/Coppice.Kernels.Tests/bin/Release/net10.0/Coppice.Kernels.Tests ");
        text.Append("-class '*.MutationTests'`, sm_80.\n");
        text.Append($"{caught} of {rows.Count} caught or shown to be equivalent: by the interpreter (the kind of fault), by comparison ");
        text.Append("with double precision, or by the reason that stands there.\n\n");
        text.Append("| kernel | line | operator | before | after | caught by |\n|---|--:|---|---|---|---|\n");
        foreach (var row in rows) text.Append(row).Append('\n');
        File.WriteAllText(Path.Combine(folder, "mutations.md"), text.ToString());
    }

    private static TargetCases[] Product(params MatMulCase[] cases) =>
        [.. cases.Select(c => new TargetCases(bed => MatMulTests.Run(bed, c),
            c.Format.IsQuantized() ? Tolerances.MatMulQuantized(c.Inputs) : Tolerances.MatMul(c.Inputs)))];

    private static TargetCases[] Attention(params AttentionCase[] cases) =>
        [.. cases.Select(c => new TargetCases(bed => AttentionTests.Run(bed, c), Tolerances.Attention(c.HeadDim, c.QuerySize, c.SoftCap)))];

    private static TargetCases[] Rows(Func<Bed, RowsCase, float[]> run, Tolerance tolerance, params RowsCase[] cases) =>
        [.. cases.Select(c => new TargetCases(bed => run(bed, c), tolerance))];

    private static float[] Norm(Bed bed, RowsCase c)
    {
        var y = bed.Output(c.Shape);
        bed.Backend.RmsNorm(bed.Place(c.Shape, Noise.Uniform(1, c.Cost)), bed.Place(new Shape(c.Width), Noise.Uniform(2, c.Width, 1, 1)),
            1e-5f, y);
        return bed.Floats(y);
    }

    private static float[] Softmax(Bed bed, RowsCase c)
    {
        var y = bed.Output(c.Shape);
        bed.Backend.Softmax(bed.Place(c.Shape, Noise.Uniform(1, c.Cost, 8, -20)), y);
        return bed.Floats(y);
    }

    private static float[] TopK(Bed bed, TopKCase c)
    {
        var x = Array.ConvertAll(Noise.Uniform(1, (long)c.Rows * c.Width, 20), MathF.Round);
        x[7] = float.NaN;
        Tensor values = bed.Output(new Shape(c.Rows, c.K)), indices = bed.Output(new Shape(c.Rows, c.K), ElementType.I32);
        bed.Backend.TopK(bed.Place(new Shape(c.Rows, c.Width), x), values, indices);
        return [.. bed.Floats(values), .. bed.Integers(indices).Select(i => (float)i)];
    }

    private sealed record TargetCases(Func<Bed, float[]> Run, Tolerance Tolerance);

    private sealed record Target(string Kernel, params TargetCases[] Cases);

    /// <summary>A back end on the interpreter whose kernel is changed again and again.</summary>
    private sealed class Bench : IDisposable
    {
        private readonly Target _target;
        private readonly PtxLoader _loader = new("sm_80", new MachineOptions { MostInstructions = 2_000_000 });
        private readonly GpuBackend _backend;
        private readonly float[][] _expected;
        private readonly HashSet<int> _executed = [];
        private Instruction[] _instructions = [];

        public Bench(Target target)
        {
            _target = target;
            _backend = GpuBackend.CreateOn(_loader);
            using var reference = new ReferenceBackend();
            _expected = [.. target.Cases.Select(cases =>
            {
                using var bed = new Bed(reference, Placement.Plain, onHost: true);
                return cases.Run(bed);
            })];
            _loader.Receive = (kernel, report) =>
            {
                Assert.Empty(report.Faults);
                if (kernel.Name != target.Kernel) return;
                _instructions = [.. report.Instructions.Select(count => count.Instruction)];
                foreach (var count in report.Instructions)
                    if (count.Threads > 0) _executed.Add(count.Instruction.Line);
            };
            Assert.Null(Compared());        // sound as it is
            Assert.NotEmpty(_executed);
            _loader.Receive = null;
        }

        /// <summary>Faults in executed instructions, of as many kinds as there are, chosen by <paramref name="seed"/>.</summary>
        public IEnumerable<Mutation> Choose(int seed, int count)
        {
            var lines = KernelTexts.Of(Kernel, "sm_80").Split('\n');
            var all = _instructions.Where(instruction => _executed.Contains(instruction.Line))
                .Select(instruction => Mutation.Of(instruction, lines[instruction.Line - 1])).OfType<Mutation>().ToArray();
            var order = Noise.Permutation(100 + seed, all.Length).Select(i => all[i]).ToArray();
            // One of each kind, then a second of each, ….
            var turns = order.GroupBy(mutation => mutation.Operator).SelectMany(group => group.Select((mutation, turn) => (mutation,
                turn)));
            return turns.OrderBy(item => item.turn).Select(item => item.mutation).Take(count);
        }

        /// <summary>How a fault is caught; null where it is not.</summary>
        public string? Try(Mutation mutation)
        {
            _loader.Forget();
            _loader.Rewrite = (kernel, text) => kernel.Name == _target.Kernel ? mutation.Apply(text) : text;
            var found = Compared();
            _loader.Rewrite = null;
            _loader.Forget();
            return found;
        }

        public void Dispose() => _backend.Dispose();

        private DeviceKernel Kernel => DeviceKernels.All.Single(kernel => kernel.Name == _target.Kernel);

        private string? Compared()
        {
            for (var i = 0; i < _target.Cases.Length; i++)
            {
                using var bed = new Bed(_backend, Placement.Plain, onHost: false);
                try
                {
                    var actual = _target.Cases[i].Run(bed);
                    Compare.Within("mutation", _expected[i], actual, _target.Cases[i].Tolerance);
                    bed.RequireSurroundingsUntouched();
                }
                catch (InvalidOperationException fault)
                {
                    return fault.Message.Split(": ") is [_, var first, ..] ? first.Split(" at ")[0] : "surroundings";
                }
                catch (Xunit.Sdk.XunitException)
                {
                    return "comparison";
                }
            }
            return null;
        }
    }
}
