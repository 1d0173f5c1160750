using Coppice.Kernels.Gpu;
using Coppice.Kernels.Tests.Support;
using Coppice.Ptx.Engine;
using Xunit;

namespace Coppice.Kernels.Tests;

/// <summary>
/// What can be known of the GPU kernels without a GPU: that they become PTX, what the text holds, that it assembles, and what it takes.
/// </summary>
public sealed class KernelCompilationTests
{
    private const string NoAssembler = "ptxas was not found on the path or in ~/.cache/coppice/ptxas (.ci/get-ptxas puts it there)";

    private static readonly Lazy<IReadOnlyDictionary<(string Name, string Architecture), string>> Texts = new(() =>
        PtxCompiler.Architectures.SelectMany(architecture => DeviceKernels.All.Select(kernel => (kernel, architecture)))
            .AsParallel()
            .ToDictionary(item => (item.kernel.Name, item.architecture), item => KernelTexts.Of(item.kernel, item.architecture)));

    private static readonly Lazy<IReadOnlyList<KernelResources>?> Measured = new(() =>
        FindAssembler() is not { } ptxas
            ? null
            : [.. PtxCompiler.Architectures.SelectMany(architecture => DeviceKernels.All.Select(kernel => (kernel, architecture)))
                .AsParallel().AsOrdered()
                .Select(item => ptxas.Assemble(item.kernel, Texts.Value[(item.kernel.Name, item.architecture)], item.architecture))]);

    [Fact]
    public void Every_kernel_compiles_for_every_architecture_and_no_branch_is_marked_uniform()
    {
        Assert.All(Texts.Value, text =>
        {
            Assert.Contains(".visible .entry", text.Value, StringComparison.Ordinal);
            Assert.DoesNotContain(".uni", text.Value, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Kernels_call_no_functions_and_keep_nothing_in_local_memory()
    {
        Assert.All(Texts.Value, text =>
        {
            // A call would reach ILGPU's empty body of an intrinsic that was not recognised.
            Assert.DoesNotMatch(@"\bcall\b", text.Value);
            Assert.DoesNotMatch(@"\.local\b", text.Value);
        });
    }

    [Fact]
    public void Kernels_are_closed_over_every_element_type_reader_and_activation()
    {
        var names = DeviceKernels.All.Select(kernel => kernel.Name).ToHashSet();
        Assert.Equal(DeviceKernels.All.Count, names.Count);
        Assert.Equal(names.Count, DeviceKernels.All.Select(kernel => kernel.FileName).Distinct().Count());
        foreach (var format in Enum.GetNames<MatrixFormat>())
        {
            Assert.Contains($"MatMulRow({format}, AlignedRow)", names);
            Assert.Contains($"MatMulTile({format}, AnyRow)", names);
            Assert.Contains($"Embed({format})", names);
            Assert.Contains($"EmbedMixture({format})", names);
        }
        foreach (var element in new[] { "F32", "F16", "BF16" })
        {
            Assert.Contains($"AttendBlocks(Dense {element})", names);
            Assert.Contains($"AttendBlocks(Paged {element})", names);
        }
        foreach (var activation in Enum.GetNames<Numerics.Activation>()) Assert.Contains($"GatedActivation({activation})", names);
    }

    [Fact]
    public void Weights_and_keys_are_read_16_bytes_at_a_time()
    {
        foreach (var (key, ptx) in Texts.Value)
        {
            // A tile of quantised weights is computed chunk by chunk, which are 4 or 8 bytes of each output.
            var ofCodes = key.Name.Contains("Q8", StringComparison.Ordinal) || key.Name.Contains("Q4", StringComparison.Ordinal);
            if (key.Name.StartsWith("MatMul", StringComparison.Ordinal) && !(ofCodes && key.Name.Contains("Tile", StringComparison.Ordinal))
                || key.Name.StartsWith("AttendBlocks", StringComparison.Ordinal))
                Assert.Contains("ld.global.v4.b32", ptx, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Matrix_products_use_fused_multiply_adds_that_the_assembler_need_not_find()
    {
        foreach (var (key, ptx) in Texts.Value)
        {
            if (!key.Name.StartsWith("MatMul", StringComparison.Ordinal)) continue;
            Assert.Contains("fma.rn.f32", ptx, StringComparison.Ordinal);
            Assert.DoesNotContain("mul.f32", ptx, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Codes_become_floats_without_conversions_and_bytes_are_multiplied_four_at_a_time()
    {
        foreach (var (key, ptx) in Texts.Value)
        {
            if (key.Name.StartsWith("MatMulCodes", StringComparison.Ordinal))
                Assert.Contains("dp4a.s32.s32", ptx, StringComparison.Ordinal);
            else if (key.Name.StartsWith("MatMul", StringComparison.Ordinal) && key.Name.Contains("(Q", StringComparison.Ordinal))
                Assert.Contains("lop3.b32", ptx, StringComparison.Ordinal);
            else continue;
            Assert.DoesNotMatch(@"cvt\.rn\.f32\.[us]", ptx);
        }
    }

    [Fact]
    public void Hyperbolic_tangent_is_not_the_approximate_instruction()
    {
        Assert.All(Texts.Value, text => Assert.DoesNotContain("tanh.approx", text.Value, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_kernel_assembles_without_spills_and_without_a_stack()
    {
        if (Measured.Value is not { } rows) Assert.Skip(NoAssembler);
        else Assert.All(rows, row => Assert.True(row is { SpillStoreBytes: 0, SpillLoadBytes: 0, StackBytes: 0, Registers: > 0 },
            row.ToString()));
    }

    [Fact]
    public void No_kernel_takes_more_than_the_table_says()
    {
        if (Measured.Value is not { } rows) Assert.Skip(NoAssembler);
        else
        {
            if (!File.Exists(Path.Combine(TableFolder(), KernelTable.JsonName)))
            {
                KernelTable.Write(TableFolder(), rows);
                Assert.Fail($"there was no table; it has been written to {TableFolder()}: look at it and commit it");
            }
            var table = KernelTable.Read(TableFolder()).ToDictionary(row => (row.Name, row.Architecture));
            Assert.All(rows, row =>
            {
                var allowed = table[(row.Name, row.Architecture)];
                Assert.True(row.Registers <= allowed.Registers && row.SharedBytes <= allowed.SharedBytes
                    && row.WarpsPerMultiprocessor >= allowed.WarpsPerMultiprocessor,
                    $"{row} takes more than {allowed}; write the table anew if that is worth it");
            });
        }
    }

    [Fact]
    public void The_table_lists_exactly_the_kernels_there_are()
    {
        var expected = PtxCompiler.Architectures.SelectMany(architecture => DeviceKernels.All.Select(kernel => (kernel.Name,
            architecture)));
        Assert.Equal(expected, KernelTable.Read(TableFolder()).Select(row => (row.Name, row.Architecture)));
    }

    [Theory]
    [InlineData("sm_80", 32, 0, 256, 64)]           // 32 registers a thread fill the file exactly
    [InlineData("sm_80", 33, 0, 256, 48)]           // 40 after rounding: six groups of eight warps
    [InlineData("sm_80", 128, 0, 128, 16)]
    [InlineData("sm_90", 16, 40 << 10, 64, 10)]     // five groups of 41 KiB
    [InlineData("sm_80", 16, 0, 32, 32)]            // 32 groups at most
    public void Occupancy_follows_from_registers_shared_memory_and_group_size(string architecture, int registers, int shared, int group,
        int warps) =>
        Assert.Equal(warps, Ptxas.Warps(architecture, registers, shared, group));

    [Fact]
    public void An_unknown_architecture_is_named() =>
        Assert.Contains("sm_75", Assert.Throws<ArgumentException>(() => PtxCompiler.Compile(DeviceKernels.All[0], "sm_75")).Message,
            StringComparison.Ordinal);

    private static Ptxas? FindAssembler()
    {
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        var cache = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "coppice", "ptxas");
        return Ptxas.Find([.. path, cache]);
    }

    private static string TableFolder() => Path.Combine(RepositoryFolder.Path, "bench", "results", "ptxas");
}
