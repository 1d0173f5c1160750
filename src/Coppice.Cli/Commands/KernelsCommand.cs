using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using Coppice.Kernels.Assembled;
using Coppice.Kernels.Gpu;

namespace Coppice.Cli.Commands;

/// <summary>`coppice kernels`: the GPU kernels, their PTX and what they take of a multiprocessor.</summary>
internal static class KernelsCommand
{
    private static readonly Option<string[]> Ptx = new("--ptx")
    {
        Description = "Write the PTX of every kernel for an architecture into a folder",
        HelpName = "ARCHITECTURE DIR",
        Arity = new ArgumentArity(2, 2),
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Option<bool> Assemble = new("--ptxas")
    {
        Description = "Assemble every kernel with NVIDIA's ptxas, found on PATH, under CUDA_HOME or in ~/.cache/coppice/ptxas",
    };

    private static readonly Option<string> Listing = new("--asm")
    {
        Description = "Write the machine code of every CPU kernel that is assembled at run time into a folder, as text",
        HelpName = "DIR",
    };

    public static Command Create() =>
        new Command("kernels", "List the GPU kernels, or those assembled for the CPU; works without a GPU")
        {
            Ptx, Assemble, Listing,
        }.Runs(Run);

    private static int Run(CommandContext context)
    {
        var (architecture, folder) = context.Value(Ptx) is [var first, var second] ? (first, second) : (null, null);
        if (architecture is not null && !PtxCompiler.Architectures.Contains(architecture))
            throw context.Usage($"--ptx: the architecture must be {string.Join(" or ", PtxCompiler.Architectures)}, got {architecture}");
        if (context.Value(Listing) is { } listings)
        {
            if (architecture is not null || context.Value(Assemble))
                throw context.Usage("--asm: lists kernels of the CPU, so it goes with neither --ptx nor --ptxas");
            return List(context.Output, listings);
        }
        if (folder is not null) Directory.CreateDirectory(folder);
        IReadOnlyList<string> architectures = architecture is null ? PtxCompiler.Architectures : [architecture];
        var assembler = context.Value(Assemble) ? FindAssembler() : null;
        var rows = new List<KernelRow>();
        var stopped = context.Interrupts.Run(cancellation => Collect(context.Output, rows, architectures, folder, assembler, cancellation));
        if (context.Output.Json) context.Output.WriteJson(new KernelList(rows), CliJson.Default.KernelList);
        else if (context.Output.ShowsTables) Tables.Kernels(rows, assembler is not null);
        else foreach (var row in rows) context.Output.WriteLine(Line(row));
        return stopped ? ExitStatus.Interrupted : ExitStatus.Done;
    }

    /// <summary>Kernels of the CPU, for the calling convention of this system, whatever its processor has.</summary>
    private static int List(CommandOutput output, string folder)
    {
        Directory.CreateDirectory(folder);
        var rows = new List<KernelRow>();
        foreach (var kernel in TileListing.All())
        {
            var path = Path.Combine(folder, kernel.Name + ".asm");
            File.WriteAllText(path, kernel.Text);
            rows.Add(new KernelRow
            {
                Name = kernel.Name,
                Architecture = kernel.Instructions,
                Listing = path,
                CodeBytes = kernel.CodeBytes,
            });
        }
        if (output.Json) output.WriteJson(new KernelList(rows), CliJson.Default.KernelList);
        else foreach (var row in rows) output.WriteLine($"{row.Name}\t{row.Architecture}\t{row.CodeBytes} bytes\t{row.Listing}");
        return ExitStatus.Done;
    }

    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "What was trimmed no GPU runs.")]
    private static void Collect(
        CommandOutput output, List<KernelRow> rows, IReadOnlyList<string> architectures, string? folder, Ptxas? assembler,
            CancellationToken cancellation)
    {
        if (!GpuCode.IsIncluded) throw new CommandException($"kernels: cannot be listed: {GpuCode.LeftOut}.");
        var kernels = DeviceKernels.All;
        if (folder is null && assembler is null)
        {
            rows.AddRange(kernels.Select(kernel => new KernelRow { Name = kernel.Name, GroupSize = kernel.GroupSize }));
            return;
        }
        using var bar = new ProgressBar("kernels", output);
        for (var i = 0; i < kernels.Count; i++)
        {
            foreach (var architecture in architectures)
            {
                cancellation.ThrowIfCancellationRequested();
                rows.Add(Compile(kernels[i], architecture, folder, assembler));
            }
            bar.Report(i + 1, kernels.Count);
        }
    }

    private static KernelRow Compile(DeviceKernel kernel, string architecture, string? folder, Ptxas? assembler)
    {
        var ptx = PtxCompiler.Compile(kernel, architecture);
        var path = folder is null ? null : Path.Combine(folder, kernel.FileName + ".ptx");
        if (path is not null) File.WriteAllText(path, ptx);
        var row = new KernelRow { Name = kernel.Name, GroupSize = kernel.GroupSize, Architecture = architecture, Ptx = path };
        if (assembler?.Assemble(kernel, ptx, architecture) is not { } resources) return row;
        return row with
        {
            Registers = resources.Registers,
            Spills = resources.SpillStoreBytes + resources.SpillLoadBytes,
            StackBytes = resources.StackBytes,
            SharedBytes = resources.SharedBytes,
            Warps = resources.WarpsPerMultiprocessor,
        };
    }

    private static Ptxas FindAssembler()
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .ToList();
        if (Environment.GetEnvironmentVariable("CUDA_HOME") is { Length: > 0 } cuda) folders.Add(Path.Combine(cuda, "bin"));
        folders.Add(Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "coppice", "ptxas"));
        return Ptxas.Find(folders)
            ?? throw new CommandException("ptxas: must be on PATH, under CUDA_HOME or in ~/.cache/coppice/ptxas, found in none of them.");
    }

    private static string Line(KernelRow row) => row.Registers is null
        ? $"{row.Name}\t{row.Architecture}\t{row.Ptx}".TrimEnd('\t')
        : $"{row.Name}\t{row.Architecture}\t{row.Registers} registers\t{row.Spills} spilled\t{row.SharedBytes} shared\t{row.Warps} warps";
}
