using Coppice.Ptx.Ops;
using Coppice.Ptx.Reports;
using Coppice.Ptx.Text;

namespace Coppice.Ptx.Execution;

/// <summary>Decodes an entry.</summary>
internal sealed partial class ProgramBuilder
{
    private readonly EntryText _entry;
    private readonly Symbols _symbols;

    private ProgramBuilder(EntryText entry) => (_entry, _symbols) = (entry, new Symbols(entry));

    /// <summary>The entry as a program.</summary>
    /// <exception cref="PtxException">An instruction is not known here; the message names its line.</exception>
    public static Program Build(EntryText entry)
    {
        var builder = new ProgramBuilder(entry);
        var ops = entry.Instructions.Select(builder.DecodeGuarded).ToArray();
        for (var i = 0; i < ops.Length; i++) ops[i].Index = i;
        Meeting.Find(ops);
        var symbols = builder._symbols;
        return new Program
        {
            Name = entry.Name,
            Ops = ops,
            RegisterCount = symbols.RegisterCount,
            PredicateCount = symbols.PredicateCount,
            Constants = symbols.Constants,
            Specials = symbols.Specials,
            ParameterBytes = symbols.ParameterBytes,
            SharedBytes = symbols.SharedBytes,
            LocalBytes = symbols.LocalBytes,
            Names = symbols.Names,
        };
    }

    private Op DecodeGuarded(Instruction instruction)
    {
        var op = Decode(instruction);
        if (instruction.Guard is { } guard) (op.Guard, op.GuardNegated) = (_symbols.Predicate(guard), instruction.GuardNegated);
        return op;
    }

    private Op Decode(Instruction instruction) => instruction.Opcode[0] switch
    {
        "bra" => new Branch { Instruction = instruction, Class = InstructionClass.Branch, Target = Label(instruction) },
        "ret" or "exit" => new Return { Instruction = instruction, Class = InstructionClass.Branch },
        "mov" => Move(instruction),
        "cvta" => MoveTo(instruction, Register(instruction, 0), Register(instruction, 1)),
        "setp" => Compare(instruction),
        "testp" => Test(instruction),
        "selp" => Select(instruction),
        "lop3" => LookUp(instruction),
        "shf" => FunnelShift(instruction),
        "bfi" => Insert(instruction),
        "ld" or "ldu" => Load(instruction),
        "st" => Store(instruction),
        "atom" or "red" => Atomic(instruction),
        "shfl" => Shuffle(instruction),
        "vote" or "activemask" => Vote(instruction),
        "bar" or "barrier" => Barrier(instruction),
        "membar" or "fence" => new FenceOp { Instruction = instruction, Class = InstructionClass.Barrier },
        "cp" => Copy(instruction),
        "ldmatrix" => LoadMatrix(instruction),
        "mma" => Matrix(instruction),
        "prefetch" or "prefetchu" or "nanosleep" or "discard" => new FenceOp { Instruction = instruction, Class = InstructionClass.Move },
        _ => Compute(instruction),
    };

    private int Label(Instruction instruction) =>
        instruction.Operands is [NameOperand name] && _entry.Labels.TryGetValue(name.Name, out var target)
            ? target : throw new PtxException($"{instruction}: the label must be in the entry.");

    private int Register(Instruction instruction, int index) => index < instruction.Operands.Count
        ? _symbols.Register(instruction.Operands[index], instruction)
        : throw new PtxException($"{instruction}: it must have {index + 1} operands, found {instruction.Operands.Count}.");

    private int[] Registers(Operand operand, Instruction instruction) => operand is VectorOperand vector
        ? [.. vector.Elements.Select(element => _symbols.Register(element, instruction))]
        : [_symbols.Register(operand, instruction)];

    private int[] Variables(params IEnumerable<int> registers) => [.. registers.Where(r => r >= 0 && _symbols.IsVariable(r)).Distinct()];

    private int Zero => _symbols.Constant(0);

    private Op Compute(Instruction instruction)
    {
        if (instruction.Types is [{ Kind: TypeKind.Predicate }, ..]) return Logic(instruction);
        var (compute, flops) = Arithmetic.Find(instruction) ?? throw new PtxException($"{instruction}: the instruction is not known here.");
        var (result, count) = (Register(instruction, 0), instruction.Operands.Count);
        int a = Register(instruction, 1), b = count > 2 ? Register(instruction, 2) : Zero, c = count > 3 ? Register(instruction, 3) : Zero;
        var type = instruction.Types[0];
        if (instruction.Name == "fma.rn.f32")
            return new FusedOp(result, a, b, c)
            {
                Instruction = instruction,
                Class = InstructionClass.Float,
                Sources = Variables(a, b, c),
                Results = [result],
                LaneFlops = 2,
            };
        var kind = instruction.Opcode[0] switch
        {
            "cvt" => InstructionClass.Convert,
            "dp4a" => InstructionClass.Dot,
            _ => type.Kind is TypeKind.Float or TypeKind.Brain ? InstructionClass.Float : InstructionClass.Integer,
        };
        return new LaneOp(compute, result, a, b, c)
        {
            Instruction = instruction,
            Class = kind,
            Sources = Variables(a, b, c),
            Results = [result],
            LaneFlops = kind == InstructionClass.Float ? flops : 0,
        };
    }

    private Op Move(Instruction instruction)
    {
        if (instruction.Has("pred")) return Logic(instruction);
        var (to, from) = (instruction.Operands[0], instruction.Operands[1]);
        if (to is not VectorOperand && from is not VectorOperand)
            return MoveTo(instruction, Register(instruction, 0), Register(instruction, 1));
        var (results, sources) = (Registers(to, instruction), Registers(from, instruction));
        return new PackOp(results, sources, instruction.Types[0].Bits / Math.Max(results.Length, sources.Length))
        {
            Instruction = instruction,
            Class = InstructionClass.Move,
            Sources = Variables(sources),
            Results = results,
        };
    }

    private MoveOp MoveTo(Instruction instruction, int result, int source) => new(result, source)
    {
        Instruction = instruction,
        Class = InstructionClass.Move,
        Sources = Variables(source),
        Results = [result],
    };

    /// <summary>mov, and, or, xor and not of predicates.</summary>
    private PredicateOp Logic(Instruction instruction)
    {
        var result = _symbols.Predicate(instruction.Operands[0], instruction);
        if (instruction.Operands[1] is NumberOperand number)
        {
            var all = number.Bits != 0 ? Warp.All : 0;
            return new PredicateOp((_, _) => all, result, -1, -1)
            {
                Instruction = instruction,
                Class = InstructionClass.Integer,
                PredicateResults = [result],
            };
        }
        Func<uint, uint, uint> compute = instruction.Opcode[0] switch
        {
            "mov" => (a, _) => a,
            "not" => (a, _) => ~a,
            "and" => (a, b) => a & b,
            "or" => (a, b) => a | b,
            "xor" => (a, b) => a ^ b,
            _ => throw new PtxException($"{instruction}: the instruction is not known here."),
        };
        var sources = instruction.Operands.Skip(1).Select(operand => _symbols.Predicate(operand, instruction)).ToArray();
        return new PredicateOp(compute, result, sources[0], sources.Length > 1 ? sources[1] : -1)
        {
            Instruction = instruction,
            Class = InstructionClass.Integer,
            PredicateSources = sources,
            PredicateResults = [result],
        };
    }

    /// <summary>setp.lt.s32 p, a, b; or setp.lt.and.s32 p|q, a, b, !r.</summary>
    private CompareOp Compare(Instruction instruction)
    {
        var type = instruction.Types[0];
        var compare = Comparisons.Find(instruction.Opcode[1], type)
            ?? throw new PtxException($"{instruction}: the comparison is not known here.");
        var (first, second) = instruction.Operands[0] is PairOperand pair ? (pair.First, pair.Second) : (instruction.Operands[0], null);
        Func<uint, uint, uint>? combine = instruction.Opcode[2] switch
        {
            "and" => (a, b) => a & b,
            "or" => (a, b) => a | b,
            "xor" => (a, b) => a ^ b,
            _ => null,
        };
        var (other, negated) = combine is null ? (-1, false) : Negatable(instruction.Operands[3], instruction);
        return Compare(instruction, compare, first, second, Register(instruction, 1), Register(instruction, 2), combine, other, negated);
    }

    private CompareOp Test(Instruction instruction)
    {
        var test = Comparisons.Test(instruction.Opcode[1], instruction.Types[0])
            ?? throw new PtxException($"{instruction}: the test is not known here.");
        return Compare(instruction, test, instruction.Operands[0], null, Register(instruction, 1), Zero, null, -1, false);
    }

    private CompareOp Compare(Instruction instruction, Func<ulong, ulong, bool> compare, Operand first, Operand? second, int a, int b,
        Func<uint, uint, uint>? combine, int other, bool negated)
    {
        var result = _symbols.Predicate(first, instruction);
        var inverse = second is null ? -1 : _symbols.Predicate(second, instruction);
        return new CompareOp(compare, result, inverse, a, b, combine, other, negated)
        {
            Instruction = instruction,
            Class = InstructionClass.Integer,
            Sources = Variables(a, b),
            PredicateSources = other < 0 ? [] : [other],
            PredicateResults = inverse < 0 ? [result] : [result, inverse],
        };
    }

    private (int Predicate, bool Negated) Negatable(Operand operand, Instruction instruction) => operand is NegatedOperand negated
        ? (_symbols.Predicate(negated.Inner, instruction), true) : (_symbols.Predicate(operand, instruction), false);

    private SelectOp Select(Instruction instruction)
    {
        int result = Register(instruction, 0), a = Register(instruction, 1), b = Register(instruction, 2);
        var predicate = _symbols.Predicate(instruction.Operands[3], instruction);
        return new SelectOp(result, a, b, predicate)
        {
            Instruction = instruction,
            Class = InstructionClass.Integer,
            Sources = Variables(a, b),
            PredicateSources = [predicate],
            Results = [result],
        };
    }

    private LaneOp Lane(Instruction instruction, Compute compute, int result, int a, int b, int c) => new(compute, result, a, b, c)
    {
        Instruction = instruction,
        Class = InstructionClass.Integer,
        Sources = Variables(a, b, c),
        Results = [result],
    };

    private LaneOp LookUp(Instruction instruction)
    {
        var table = instruction.Operands[4] is NumberOperand number ? (int)number.Bits
            : throw new PtxException($"{instruction}: the table must be a number.");
        return Lane(instruction, (a, b, c) => Bits.Lookup(a, b, c, table), Register(instruction, 0), Register(instruction, 1),
            Register(instruction, 2), Register(instruction, 3));
    }

    /// <summary>shf.l and shf.r: 32 bits out of the 64 of two registers.</summary>
    private LaneOp FunnelShift(Instruction instruction)
    {
        var (left, wraps) = (instruction.Has("l"), instruction.Has("wrap"));
        return Lane(instruction, (a, b, c) =>
        {
            var by = wraps ? (int)c & 31 : (int)Math.Min((uint)c, 32);
            var both = b << 32 | (a & uint.MaxValue);
            return left ? both << by >> 32 : both >> by & uint.MaxValue;
        }, Register(instruction, 0), Register(instruction, 1), Register(instruction, 2), Register(instruction, 3));
    }

    /// <summary>bfi with a constant place.</summary>
    private LaneOp Insert(Instruction instruction)
    {
        if (instruction.Operands is not [_, _, _, NumberOperand { Bits: var start }, NumberOperand { Bits: var length }])
            throw new PtxException($"{instruction}: the place must be two numbers.");
        var type = instruction.Types[0];
        var field = (length >= 64 ? ulong.MaxValue : (1UL << (int)length) - 1) << (int)start & type.Mask;
        return Lane(instruction, (a, b, _) => (b & ~field) | (a << (int)start & field), Register(instruction, 0), Register(instruction, 1),
            Register(instruction, 2), Zero);
    }
}
