using Coppice.Ptx.Ops;
using Coppice.Ptx.Reports;
using Coppice.Ptx.Text;

namespace Coppice.Ptx.Execution;

internal sealed partial class ProgramBuilder
{
    private static Space SpaceOf(Instruction instruction) =>
        instruction.Has("global") ? Space.Global
            : instruction.Has("shared") ? Space.Shared
            : instruction.Has("local") ? Space.Local
            : throw new PtxException($"{instruction}: the access must name global, shared or local memory.");

    private (int Register, long Offset) Address(Operand operand, Instruction instruction)
    {
        if (operand is not AddressOperand address) throw new PtxException($"{instruction}: an address must stand here, found {operand}.");
        return address.Base is null
            ? (_symbols.Constant((ulong)address.Offset), 0)
            : (_symbols.Register(new NameOperand(address.Base), instruction), address.Offset);
    }

    private Op Load(Instruction instruction)
    {
        var results = Registers(instruction.Operands[0], instruction);
        var type = instruction.Types[^1];
        if (instruction.Has("param"))
        {
            if (instruction.Operands[1] is not AddressOperand { Base: { } name } parameter || _symbols.Parameter(name) is not { } at)
                throw new PtxException($"{instruction}: a parameter of the entry must stand here.");
            return new ParameterOp(results, at + (int)parameter.Offset, type.Bytes)
            {
                Instruction = instruction,
                Class = InstructionClass.Parameter,
                Results = results,
            };
        }
        var space = SpaceOf(instruction);
        var (address, offset) = Address(instruction.Operands[1], instruction);
        return new LoadOp(space, results, address, offset, type.Bytes, type.Kind == TypeKind.Signed && type.Bytes < 4)
        {
            Instruction = instruction,
            Class = space == Space.Global ? InstructionClass.GlobalLoad : InstructionClass.SharedLoad,
            Sources = Variables(address),
            Results = results,
        };
    }

    private StoreOp Store(Instruction instruction)
    {
        var space = SpaceOf(instruction);
        var (address, offset) = Address(instruction.Operands[0], instruction);
        var values = Registers(instruction.Operands[1], instruction);
        return new StoreOp(space, values, address, offset, instruction.Types[^1].Bytes)
        {
            Instruction = instruction,
            Class = space == Space.Global ? InstructionClass.GlobalStore : InstructionClass.SharedStore,
            Sources = Variables(values.Append(address)),
        };
    }

    private AtomicOp Atomic(Instruction instruction)
    {
        var returns = instruction.Opcode[0] == "atom";
        var (space, type) = (SpaceOf(instruction), instruction.Types[^1]);
        var result = returns ? Register(instruction, 0) : -1;
        var first = returns ? 1 : 0;
        var (address, offset) = Address(instruction.Operands[first], instruction);
        var value = Register(instruction, first + 1);
        var other = instruction.Operands.Count > first + 2 ? Register(instruction, first + 2) : Zero;
        var name = instruction.Opcode.First(part => part is "add" or "min" or "max" or "and" or "or" or "xor" or "exch" or "cas" or "inc");
        Compute operation = name switch
        {
            "exch" => (_, b, _) => b,
            "cas" => (a, b, c) => a == b ? c : a,
            "inc" => (a, b, _) => a >= b ? 0 : a + 1,
            _ => Arithmetic.Find(instruction with { Opcode = [name, instruction.Opcode[^1]] })?.Compute
                ?? throw new PtxException($"{instruction}: the operation is not known here."),
        };
        return new AtomicOp(space, operation, result, address, offset, type.Bytes, value, other)
        {
            Instruction = instruction,
            Class = InstructionClass.Atomic,
            Sources = Variables(address, value, other),
            Results = returns ? [result] : [],
        };
    }

    private Op Copy(Instruction instruction)
    {
        if (instruction.Has("commit_group")) return new CommitOp { Instruction = instruction, Class = InstructionClass.Copy };
        if (instruction.Has("wait_all")) return new WaitOp(0, includesOpen: true)
        {
            Instruction = instruction,
            Class = InstructionClass.Copy
        };
        if (instruction.Has("wait_group"))
            return new WaitOp(instruction.Operands[0] is NumberOperand number ? (int)number.Bits
                : throw new PtxException($"{instruction}: the number of groups must be a number."), includesOpen: false)
            {
                Instruction = instruction,
                Class = InstructionClass.Copy,
            };
        var (to, toOffset) = Address(instruction.Operands[0], instruction);
        var (from, fromOffset) = Address(instruction.Operands[1], instruction);
        var bytes = instruction.Operands[2] is NumberOperand size ? (int)size.Bits
            : throw new PtxException($"{instruction}: the size must be a number.");
        var sourceBytes = instruction.Operands.Count > 3 ? Register(instruction, 3) : -1;
        return new CopyOp(to, toOffset, from, fromOffset, bytes, sourceBytes)
        {
            Instruction = instruction,
            Class = InstructionClass.Copy,
            Sources = Variables(to, from, sourceBytes),
        };
    }

    private LoadMatrixOp LoadMatrix(Instruction instruction)
    {
        var results = Registers(instruction.Operands[0], instruction);
        var (address, offset) = Address(instruction.Operands[1], instruction);
        return new LoadMatrixOp(results, address, offset, instruction.Has("trans"))
        {
            Instruction = instruction,
            Class = InstructionClass.SharedLoad,
            Sources = Variables(address),
            Results = results,
        };
    }

    private MatrixOp Matrix(Instruction instruction)
    {
        var shape = instruction.Opcode.FirstOrDefault(part => part.StartsWith("m16n8k", StringComparison.Ordinal))
            ?? throw new PtxException($"{instruction}: only m16n8k8, k16 and k32 are known here.");
        var depth = int.Parse(shape.AsSpan("m16n8k".Length), System.Globalization.CultureInfo.InvariantCulture);
        // Types: of D, A, B and C.
        if (instruction.Types is not [{ Bytes: 4 }, var left, var right, { Bytes: 4 }] || left != right)
            throw new PtxException($"{instruction}: A and B must be of one type and C and D of 32 bits.");
        var (d, a, b, c) = (Registers(instruction.Operands[0], instruction), Registers(instruction.Operands[1], instruction),
            Registers(instruction.Operands[2], instruction), Registers(instruction.Operands[3], instruction));
        var registers = 16 * depth * left.Bytes / 128;
        if (d.Length != 4 || c.Length != 4 || a.Length != registers || b.Length != registers / 2)
            throw new PtxException($"{instruction}: fragments must have 4, {registers}, {registers / 2} and 4 registers.");
        return new MatrixOp(d, a, b, c, left, depth)
        {
            Instruction = instruction,
            Class = InstructionClass.Matrix,
            Sources = Variables([.. a, .. b, .. c]),
            Results = d,
            WarpFlops = left.Kind is TypeKind.Float or TypeKind.Brain ? 2 * 16 * 8 * depth : 0,
        };
    }
}
