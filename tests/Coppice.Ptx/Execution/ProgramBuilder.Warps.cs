using Coppice.Ptx.Ops;
using Coppice.Ptx.Reports;
using Coppice.Ptx.Text;

namespace Coppice.Ptx.Execution;

internal sealed partial class ProgramBuilder
{
    private ShuffleOp Shuffle(Instruction instruction)
    {
        var (first, second) = instruction.Operands[0] is PairOperand pair ? (pair.First, pair.Second) : (instruction.Operands[0], null);
        var kind = instruction.Opcode[2] switch
        {
            "up" => ShuffleKind.Up,
            "down" => ShuffleKind.Down,
            "bfly" => ShuffleKind.Butterfly,
            "idx" => ShuffleKind.Index,
            _ => throw new PtxException($"{instruction}: the kind of shuffle is not known here."),
        };
        var result = _symbols.Register(first, instruction);
        var inRange = second is null ? -1 : _symbols.Predicate(second, instruction);
        int source = Register(instruction, 1), distance = Register(instruction, 2), clamp = Register(instruction, 3),
            members = Register(instruction, 4);
        return new ShuffleOp(kind, result, inRange, source, distance, clamp, members)
        {
            Instruction = instruction,
            Class = InstructionClass.Shuffle,
            Sources = Variables(source, distance, clamp, members),
            Results = [result],
            PredicateResults = inRange < 0 ? [] : [inRange],
        };
    }

    private VoteOp Vote(Instruction instruction)
    {
        if (instruction.Opcode[0] == "activemask")
        {
            var lanes = Register(instruction, 0);
            return new VoteOp((votes, _) => votes, lanes, -1, -1, false, -1)
            {
                Instruction = instruction,
                Class = InstructionClass.Shuffle,
                Results = [lanes],
            };
        }
        Func<uint, uint, uint> vote = instruction.Opcode[2] switch
        {
            "ballot" => (votes, _) => votes,
            "any" => (votes, _) => votes != 0 ? Warp.All : 0,
            "all" => (votes, mask) => votes == mask ? Warp.All : 0,
            "uni" => (votes, mask) => votes == 0 || votes == mask ? Warp.All : 0,
            _ => throw new PtxException($"{instruction}: the vote is not known here."),
        };
        var isBallot = instruction.Opcode[2] == "ballot";
        var (result, predicateResult) = isBallot ? (Register(instruction, 0), -1) : (-1, _symbols.Predicate(instruction.Operands[0],
            instruction));
        var (predicate, negated) = Negatable(instruction.Operands[1], instruction);
        var members = Register(instruction, 2);
        return new VoteOp(vote, result, predicateResult, predicate, negated, members)
        {
            Instruction = instruction,
            Class = InstructionClass.Shuffle,
            Sources = Variables(members),
            PredicateSources = [predicate],
            Results = isBallot ? [result] : [],
            PredicateResults = isBallot ? [] : [predicateResult],
        };
    }

    private Op Barrier(Instruction instruction)
    {
        if (instruction.Has("warp"))
        {
            var members = instruction.Operands.Count > 0 ? Register(instruction, 0) : _symbols.Constant(Warp.All);
            return new WarpBarrierOp(members) { Instruction = instruction, Class = InstructionClass.Barrier, Sources = Variables(members) };
        }
        if (!instruction.Has("sync")) throw new PtxException($"{instruction}: only bar.sync is executed here.");
        var number = Register(instruction, 0);
        var threads = instruction.Operands.Count > 1 ? Register(instruction, 1) : -1;
        return new BarrierOp(number, threads)
        {
            Instruction = instruction,
            Class = InstructionClass.Barrier,
            Sources = Variables(number, threads),
        };
    }
}
