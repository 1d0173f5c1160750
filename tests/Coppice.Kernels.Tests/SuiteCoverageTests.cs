using System.Reflection;
using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests;

/// <summary>The tests of the tests: every op has a suite, every suite runs on every device, and the suites can fail.</summary>
public sealed class SuiteCoverageTests
{
    private static readonly Type[] Types = typeof(SuiteCoverageTests).Assembly.GetTypes();
    private static readonly Type[] Suites = [.. Types.Where(t => t.IsAbstract && t.IsSubclassOf(typeof(OpSuite)))];

    [Fact]
    public void Every_suite_runs_on_every_device()
    {
        Assert.NotEmpty(Suites);
        foreach (var suite in Suites)
        {
            var devices = Types.Where(t => t.IsSealed
                && t.IsSubclassOf(suite)).Select(t => ((OpSuite)Activator.CreateInstance(t)!).Device).ToArray();
            foreach (var device in Devices.All)
                Assert.True(devices.Count(d => d == device) == 1, $"{suite.Name} must have exactly one sealed subclass for {device}");
        }
    }

    [Fact]
    public void Every_op_has_a_suite()
    {
        string[] notOps = [nameof(Backend.Upload), nameof(Backend.Download), nameof(Backend.CreateWeight), nameof(Backend.CreatePool)];
        var ops = typeof(Backend).GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Where(m => !m.IsSpecialName && m.GetParameters().Any(p => IsOperand(p.ParameterType)))
            .Select(m => m.Name).Distinct().Except(notOps).ToArray();
        Assert.Contains(nameof(Backend.MatMul), ops);
        // The fused op is checked beside the norm that it ends with.
        var covered = Suites.Select(s => s.Name.Replace("Tests", "",
            StringComparison.Ordinal)).Append(nameof(Backend.AddRmsNorm)).ToArray();
        Assert.Empty(ops.Except(covered));
    }

    private static bool IsOperand(Type type)
    {
        var plain = type.IsByRef ? type.GetElementType()! : type;
        return plain == typeof(Tensor) || plain == typeof(DenseKv) || plain == typeof(PagedKv)
            || plain == typeof(CompressedKv);
    }

    [Theory]
    [InlineData(1f, float.NaN)]
    [InlineData(float.NaN, float.NaN)]
    [InlineData(1f, float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity, float.PositiveInfinity)]
    [InlineData(1f, 1.1f)]
    public void Comparison_fails_on_NaN_infinity_and_distance(float expected, float actual) =>
        Assert.Contains("at 1 expected", Assert.ThrowsAny<Exception>(() => Compare.Within("op", [0, expected], [0, actual],
            new Tolerance(0.01, 0.01, 1))).Message, StringComparison.Ordinal);

    [Fact]
    public void Comparison_fails_on_a_mean_error_that_no_element_shows()
    {
        var expected = Noise.Uniform(1, 100);
        var actual = Array.ConvertAll(expected, v => v + 0.009f);
        Compare.Within("op", expected, actual, new Tolerance(0.01, 0, 1e-3));
        Assert.Contains("mean square", Assert.ThrowsAny<Exception>(() => Compare.Within("op", expected, actual,
            new Tolerance(0.01, 0, 1e-5))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_write_beside_an_operand_is_noticed()
    {
        using var backend = new Reference.ReferenceBackend();
        foreach (var placement in Placement.All)
        {
            using var bed = new Bed(backend, placement, onHost: true);
            var inside = bed.Place(new Shape(3, 5), Noise.Uniform(1, 15));
            bed.RequireSurroundingsUntouched();
            if (placement.Gap == 0) continue;
            var source = bed.Place(new Shape(2, 6), new float[12]);
            backend.Add(source, source, 1, Widened(inside));
            Assert.Throws<InvalidOperationException>(bed.RequireSurroundingsUntouched);
        }
    }

    [Fact]
    public void A_write_into_the_slack_of_guarded_memory_is_noticed()
    {
        foreach (var beforeGuard in new[] { false, true })
        {
            using var memory = new GuardedMemory(100, beforeGuard);
            memory.RequireSlackUntouched("test");
            Poke(memory.Address + (beforeGuard ? -1 : 100));
            Assert.Throws<InvalidOperationException>(() => memory.RequireSlackUntouched("test"));
        }
    }

    private static unsafe void Poke(nint address) => *(byte*)address ^= 1;

    /// <summary>The same rows but the last, each one element too long.</summary>
    private static Tensor Widened(Tensor t) => new(t.Buffer, t.ByteOffset, new Shape(t.Rows - 1, t.Last + 1), t.Type, t.RowStride);
}
