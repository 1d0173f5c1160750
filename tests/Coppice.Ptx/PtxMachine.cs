using Coppice.Ptx.Execution;
using Coppice.Ptx.Reports;
using Coppice.Ptx.Text;

namespace Coppice.Ptx;

/// <summary>A kernel that is ready to be launched.</summary>
public sealed class PtxKernel
{
    internal PtxKernel(EntryText entry)
    {
        Program = ProgramBuilder.Build(entry);
        Entry = entry;
    }

    internal Program Program { get; }

    /// <summary>The text.</summary>
    public EntryText Entry { get; }

    /// <summary>The one entry of <paramref name="ptx"/>.</summary>
    /// <exception cref="PtxException">The text is not PTX, has not one entry, or an instruction that is unknown here.</exception>
    public static PtxKernel Load(string ptx) => PtxParser.Parse(ptx) is [var only]
        ? new PtxKernel(only)
        : throw new PtxException("line 1: the text must have one entry.");
}

/// <summary>A GPU in software that executes PTX warp by warp and reports what it sees.</summary>
/// <remarks>
/// Addresses are those of this process: the caller says for each launch which memory it may touch. Not thread-safe. What is not modelled:
/// time, caches, and the order of blocks, which run by ascending number.
/// </remarks>
public sealed class PtxMachine(MachineOptions? options = null)
{
    private readonly GlobalMemory _memory = new();
    private int _serial;

    /// <summary>What of the machine is chosen.</summary>
    public MachineOptions Options { get; } = options ?? new MachineOptions();

    /// <summary>Runs a kernel to its end.</summary>
    /// <param name="kernel">What.</param>
    /// <param name="grid">Blocks.</param>
    /// <param name="group">Threads of a block, at most 1,024.</param>
    /// <param name="parameters">Its parameters as they lie in parameter memory: each at its alignment.</param>
    /// <param name="memory">What it may touch, and nothing else.</param>
    /// <exception cref="ArgumentException">The shape or the parameters do not fit the kernel.</exception>
    public LaunchReport Run(PtxKernel kernel, (int X, int Y, int Z) grid, (int X, int Y, int Z) group, byte[] parameters,
        IEnumerable<Stretch> memory)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentNullException.ThrowIfNull(parameters);
        var threads = group.X * group.Y * group.Z;
        if (threads is < 1 or > 1024) throw new ArgumentException($"launch: a block has 1 to 1,024 threads, got {threads}.", nameof(group));
        if (parameters.Length != kernel.Program.ParameterBytes)
            throw new ArgumentException(
                $"launch: {kernel.Program.Name} takes {kernel.Program.ParameterBytes} bytes of parameters, got {parameters.Length}.",
                nameof(parameters));
        _memory.Allow(memory);
        return new Launch(kernel.Program, grid, group, parameters, _memory, Options, ++_serial).Run();
    }
}
