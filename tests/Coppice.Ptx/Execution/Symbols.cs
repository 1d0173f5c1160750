using Coppice.Ptx.Text;

namespace Coppice.Ptx.Execution;

/// <summary>Numbers of registers and predicates, offsets of parameters and addresses of memory, by name.</summary>
internal sealed class Symbols
{
    private readonly Dictionary<string, int> _registers = [];
    private readonly Dictionary<string, int> _predicates = [];
    private readonly Dictionary<ulong, int> _constants = [];
    private readonly Dictionary<string, int> _specials = [];
    private readonly Dictionary<string, int> _parameters = [];
    private readonly Dictionary<string, long> _memory = [];
    private readonly List<(int, Func<Warp, int, ulong>)> _specialValues = [];
    private readonly EntryText _entry;

    public Symbols(EntryText entry)
    {
        _entry = entry;
        foreach (var (name, type) in entry.Registers)
            if (type.Kind == TypeKind.Predicate) _predicates.Add(name, _predicates.Count);
            else _registers.Add(name, RegisterCount++);
        ParameterBytes = Place(entry.Parameters, 0, (name, at) => _parameters.Add(name, (int)at));
        SharedBytes = Place(entry.Shared, SharedMemory.Base, (name, at) => _memory.Add(name, at)) - SharedMemory.Base;
        LocalBytes = Place(entry.Local, 0, (name, at) => _memory.Add(name, at));
    }

    public int RegisterCount { get; private set; }
    public int PredicateCount => _predicates.Count;
    public int ParameterBytes { get; }
    public int SharedBytes { get; }
    public int LocalBytes { get; }
    public IReadOnlyList<(int, ulong)> Constants => [.. _constants.Select(pair => (pair.Value, pair.Key))];
    public IReadOnlyList<(int, Func<Warp, int, ulong>)> Specials => _specialValues;
    public IReadOnlyDictionary<int, string> Names => _registers.ToDictionary(pair => pair.Value, pair => pair.Key);

    /// <summary>Whether a register, and not a constant or a special one.</summary>
    public bool IsVariable(int register) => register < _registers.Count;

    /// <summary>A register that holds what an operand stands for.</summary>
    public int Register(Operand operand, Instruction instruction)
    {
        switch (operand)
        {
            case NumberOperand number:
                // -1 of 32 bits has no ones above them.
                var bytes = instruction.Types.Select(type => type.Bytes * type.Packed).DefaultIfEmpty(sizeof(ulong)).Max();
                return Constant(bytes is 0 or >= sizeof(ulong) ? number.Bits : number.Bits & ((1UL << (8 * bytes)) - 1));
            case NameOperand name:
                if (_registers.TryGetValue(name.Name, out var register)) return register;
                if (_memory.TryGetValue(name.Name, out var address)) return Constant((ulong)address);
                return name.Name.StartsWith('%') ? Special(name.Name, instruction)
                    : throw new PtxException($"{instruction}: {name.Name} is not declared.");
            default: throw new PtxException($"{instruction}: a register or a number must stand here, found {operand}.");
        }
    }

    /// <summary>A register that always holds <paramref name="bits"/>.</summary>
    public int Constant(ulong bits)
    {
        if (!_constants.TryGetValue(bits, out var register)) _constants.Add(bits, register = RegisterCount++);
        return register;
    }

    /// <summary>The number of a predicate.</summary>
    public int Predicate(Operand operand, Instruction instruction) =>
        operand is NameOperand name && _predicates.TryGetValue(name.Name, out var predicate) ? predicate
            : throw new PtxException($"{instruction}: a predicate must stand here, found {operand}.");

    public int Predicate(string name) =>
        _predicates.TryGetValue(name, out var predicate) ? predicate : throw new PtxException($"a guard must be declared: {name}.");

    /// <summary>Where a parameter begins; null where the name is none.</summary>
    public int? Parameter(string name) => _parameters.TryGetValue(name, out var at) ? at : null;

    private int Special(string name, Instruction instruction)
    {
        if (_specials.TryGetValue(name, out var known)) return known;
        Func<Warp, int, ulong> value = name switch
        {
            "%laneid" => (_, lane) => (ulong)lane,
            "%warpid" => (warp, _) => (ulong)(warp.FirstThread / Warp.Lanes),
            "%tid.x" => (warp, lane) => (ulong)warp.ThreadOf(lane).X,
            "%tid.y" => (warp, lane) => (ulong)warp.ThreadOf(lane).Y,
            "%tid.z" => (warp, lane) => (ulong)warp.ThreadOf(lane).Z,
            "%ntid.x" => (warp, _) => (ulong)warp.Launch.Group.X,
            "%ntid.y" => (warp, _) => (ulong)warp.Launch.Group.Y,
            "%ntid.z" => (warp, _) => (ulong)warp.Launch.Group.Z,
            "%ctaid.x" => (warp, _) => (ulong)warp.Block.Index.X,
            "%ctaid.y" => (warp, _) => (ulong)warp.Block.Index.Y,
            "%ctaid.z" => (warp, _) => (ulong)warp.Block.Index.Z,
            "%nctaid.x" => (warp, _) => (ulong)warp.Launch.Grid.X,
            "%nctaid.y" => (warp, _) => (ulong)warp.Launch.Grid.Y,
            "%nctaid.z" => (warp, _) => (ulong)warp.Launch.Grid.Z,
            "%lanemask_lt" => (_, lane) => (1UL << lane) - 1,
            "%lanemask_le" => (_, lane) => (2UL << lane) - 1,
            "%lanemask_eq" => (_, lane) => 1UL << lane,
            "%lanemask_ge" => (_, lane) => uint.MaxValue & ~((1UL << lane) - 1),
            "%lanemask_gt" => (_, lane) => uint.MaxValue & ~((2UL << lane) - 1),
            _ => throw new PtxException($"{instruction}: {name} is neither declared nor a register of every thread that is known here."),
        };
        _specials.Add(name, RegisterCount);
        _specialValues.Add((RegisterCount, value));
        return RegisterCount++;
    }

    /// <summary>Places variables one after another, each at its alignment; returns the end.</summary>
    private static int Place(IEnumerable<Variable> variables, int from, Action<string, long> place)
    {
        foreach (var variable in variables)
        {
            from = (from + variable.Alignment - 1) / variable.Alignment * variable.Alignment;
            place(variable.Name, from);
            from += variable.Bytes;
        }
        return from;
    }
}
