using System.Numerics;
using Coppice.Ptx.Ops;
using Coppice.Ptx.Reports;

namespace Coppice.Ptx.Execution;

/// <summary>One launch of a program: its shape, its parameters, and what is counted.</summary>
internal sealed class Launch(Program program, (int X, int Y, int Z) grid, (int X, int Y, int Z) group, byte[] parameters,
    GlobalMemory memory,
    MachineOptions options, int serial)
{
    private readonly InstructionCount[] _counts =
        [.. program.Ops.Select(op => new InstructionCount { Instruction = op.Instruction, Class = op.Class })];
    private readonly List<Fault> _faults = [];
    private readonly HashSet<(FaultKind, int)> _reported = [];
    private long _issued, _flops;

    public (int X, int Y, int Z) Grid => grid;
    public (int X, int Y, int Z) Group => group;
    public byte[] Parameters => parameters;
    public GlobalMemory Memory => memory;
    public MachineOptions Options => options;
    /// <summary>Number of the launch, by which stamps in memory are told apart.</summary>
    public int Serial => serial;

    /// <summary>Runs all blocks.</summary>
    public LaunchReport Run()
    {
        try
        {
            var block = new Block(program, this);
            for (var z = 0; z < grid.Z; z++)
                for (var y = 0; y < grid.Y; y++)
                    for (var x = 0; x < grid.X; x++) block.Run((x, y, z), (z * grid.Y + y) * grid.X + x);
        }
        catch (LaunchEndedException)
        {
            // The fault that ended it is in the list.
        }
        return new LaunchReport(program.Name, grid, group, _counts, _faults, _flops);
    }

    /// <summary>Counts of an instruction.</summary>
    public InstructionCount CountOf(Op op) => _counts[op.Index];

    public void Count(Op op, uint mask)
    {
        var count = _counts[op.Index];
        var lanes = BitOperations.PopCount(mask);
        count.Warps++;
        count.Threads += lanes;
        _flops += op.LaneFlops * lanes + (mask == 0 ? 0 : op.WarpFlops);
        if (++_issued > options.MostInstructions)
        {
            Report(FaultKind.Endless, op, $"more than {options.MostInstructions:N0} instructions were issued");
            throw new LaunchEndedException();
        }
    }

    public void CountDivergence(Op op) => _counts[op.Index].Divergences++;

    public void Report(FaultKind kind, Op op, string message)
    {
        if (!_reported.Add((kind, op.Index))) return;
        _faults.Add(new Fault(kind, op.Instruction.Line, op.Instruction.Name, message));
    }
}

/// <summary>The launch cannot go on; what is wrong has been reported.</summary>
internal sealed class LaunchEndedException : Exception;
