using System.Numerics;
using Coppice.Ptx.Ops;
using Coppice.Ptx.Reports;

namespace Coppice.Ptx.Execution;

/// <summary>Why a warp does not run.</summary>
internal enum WarpState
{
    Ready,
    AtBarrier,
    Ended,
}

/// <summary>
/// 32 threads in lockstep: their registers, and the stack of paths on which they are until they meet again at the nearest common point.
/// </summary>
/// <remarks>
/// Paths meet at the immediate post-dominator of the branch that parted them. Source: Fung et al., Dynamic Warp Formation, MICRO 2007.
/// </remarks>
internal sealed class Warp
{
    public const int Lanes = 32;
    public const uint All = uint.MaxValue;

    private readonly ulong[] _registers;
    private readonly uint[] _written;
    private readonly uint[] _predicates;
    private readonly uint[] _predicatesWritten;
    private Path[] _stack = new Path[16];
    private int _top;
    private uint _alive;

    public Warp(Program program, Launch launch)
    {
        (Program, Launch) = (program, launch);
        _registers = new ulong[program.RegisterCount * Lanes];
        _written = new uint[program.RegisterCount];
        _predicates = new uint[program.PredicateCount];
        _predicatesWritten = new uint[program.PredicateCount];
        foreach (var (register, value) in program.Constants) Registers(register).Fill(value);
    }

    public Program Program { get; }
    public Launch Launch { get; }
    public Block Block { get; private set; } = null!;
    /// <summary>Thread of lane 0 in its block.</summary>
    public int FirstThread { get; private set; }
    public WarpState State { get; private set; }
    /// <summary>Which barrier it waits at, and how many threads that is for; 0 for the whole block.</summary>
    public (int Number, int Threads) Waiting { get; private set; }
    /// <summary>Times that the warp has synchronised itself.</summary>
    public int Interval { get; set; }
    public uint Alive => _alive;
    /// <summary>The instruction that runs.</summary>
    public Op Current { get; private set; } = null!;
    public AsyncCopies Copies { get; } = new();

    /// <summary>The lanes' values of a register.</summary>
    public Span<ulong> Registers(int register) => _registers.AsSpan(register * Lanes, Lanes);

    /// <summary>The lanes' values of a predicate, a bit each.</summary>
    public ref uint Predicate(int predicate) => ref _predicates[predicate];

    /// <summary>Makes it a warp of a new block.</summary>
    public void Begin(Block block, int firstThread, int threads)
    {
        (Block, FirstThread, State, Interval) = (block, firstThread, WarpState.Ready, 0);
        _alive = threads >= Lanes ? All : (1u << threads) - 1;
        Array.Clear(_written);
        Array.Clear(_predicatesWritten);
        foreach (var (register, _) in Program.Constants) _written[register] = All;
        foreach (var (register, special) in Program.Specials)
        {
            _written[register] = All;
            var lanes = Registers(register);
            for (var lane = 0; lane < Lanes; lane++) lanes[lane] = special(this, lane);
        }
        Copies.Clear();
        _top = 0;
        _stack[0] = new Path { Next = 0, Mask = _alive, Meet = int.MaxValue };
    }

    /// <summary>Index of a lane's thread in its block, as three coordinates.</summary>
    public (int X, int Y, int Z) ThreadOf(int lane)
    {
        var (thread, group) = (FirstThread + lane, Launch.Group);
        return (thread % group.X, thread / group.X % group.Y, thread / (group.X * group.Y));
    }

    /// <summary>Runs until the warp ends or waits at a barrier of the block.</summary>
    public void Run()
    {
        State = WarpState.Ready;
        var ops = Program.Ops;
        while (State == WarpState.Ready)
        {
            while (_top >= 0 && (_stack[_top].Mask == 0 || _stack[_top].Next == _stack[_top].Meet)) _top--;
            if (_top < 0)
            {
                State = WarpState.Ended;
                return;
            }
            ref var path = ref _stack[_top];
            if (path.Next >= ops.Length)
            {
                End(path.Mask);
                continue;
            }
            var op = Current = ops[path.Next];
            var mask = path.Mask;
            if (op.Guard >= 0)
            {
                if ((mask & ~_predicatesWritten[op.Guard]) != 0) Report(FaultKind.UnwrittenRegister, "its guard was never written");
                mask &= op.GuardNegated ? ~_predicates[op.Guard] : _predicates[op.Guard];
            }
            Launch.Count(op, mask);
            if (mask != 0) CheckSources(op, mask);
            switch (op)
            {
                case Branch branch:
                    TakeBranch(branch, mask);
                    continue;
                case Return:
                    path.Next++;
                    End(mask);
                    continue;
            }
            path.Next++;
            if (mask == 0 && op.Class != InstructionClass.Barrier) continue;
            op.Run(this, mask);
            foreach (var register in op.Results) _written[register] |= mask;
            foreach (var predicate in op.PredicateResults) _predicatesWritten[predicate] |= mask;
        }
    }

    /// <summary>Waits for other warps at a barrier.</summary>
    public void Wait(int number, int threads)
    {
        Waiting = (number, threads);
        State = WarpState.AtBarrier;
    }

    /// <summary>The barrier that it waits at is complete.</summary>
    public void Go() => State = WarpState.Ready;

    /// <summary>Counts something wrong in the instruction that runs.</summary>
    public void Report(FaultKind kind, string message) => Launch.Report(kind, Current,
        $"{message} (block {Block}, warp {FirstThread / Lanes})");

    private void CheckSources(Op op, uint mask)
    {
        foreach (var register in op.Sources)
            if ((mask & ~_written[register]) is var missing and not 0)
                Report(FaultKind.UnwrittenRegister,
                    $"{Program.NameOf(register)} was never written by lane {BitOperations.TrailingZeroCount(missing)}");
        foreach (var predicate in op.PredicateSources)
            if ((mask & ~_predicatesWritten[predicate]) != 0) Report(FaultKind.UnwrittenRegister, "a predicate was never written");
    }

    private void TakeBranch(Branch branch, uint taken)
    {
        ref var path = ref _stack[_top];
        var others = path.Mask & ~taken;
        if (taken == 0)
        {
            path.Next++;
            return;
        }
        if (others == 0)
        {
            path.Next = branch.Target;
            return;
        }
        Launch.CountDivergence(branch);
        var after = path.Next + 1;
        if (branch.Meet != path.Meet)
        {
            path.Next = branch.Meet;
            Push(after, others, branch.Meet);
        }
        else
        {
            path.Next = after;
            path.Mask = others;
        }
        Push(branch.Target, taken, branch.Meet);
    }

    private void Push(int next, uint mask, int meet)
    {
        if (++_top == _stack.Length) Array.Resize(ref _stack, 2 * _top);
        _stack[_top] = new Path { Next = next, Mask = mask, Meet = meet };
    }

    private void End(uint mask)
    {
        _alive &= ~mask;
        for (var i = 0; i <= _top; i++) _stack[i].Mask &= ~mask;
    }

    private struct Path
    {
        public int Next, Meet;
        public uint Mask;
    }
}
