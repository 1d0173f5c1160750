
namespace Coppice.Text.Patterns;

/// <summary>Turns the tree of a pattern into instructions; counted repetitions are written out.</summary>
internal sealed class PatternCompiler
{
    private const int MostInstructions = 20_000;

    private readonly List<Instruction> _instructions = [];
    private readonly string _name;
    private readonly Size _size;
    private int _registers;

    private PatternCompiler(string name, Size size)
    {
        _name = name;
        _size = size;
    }

    /// <summary>The program of <paramref name="node"/>, called <paramref name="name"/> in errors.</summary>
    /// <exception cref="PatternError">The pattern is too large or needs what is not supported.</exception>
    public static PatternProgram Compile(PatternNode node, string name) => Compile(node, name, new Size());

    private static PatternProgram Compile(PatternNode node, string name, Size size)
    {
        var compiler = new PatternCompiler(name, size);
        compiler.Emit(node);
        compiler.Add(new Instruction { Operation = Operation.Match });
        return new PatternProgram([.. compiler._instructions], compiler._registers, name);
    }

    private int Add(Instruction instruction)
    {
        if (++_size.Instructions > MostInstructions) throw new PatternError($"a pattern of more than {MostInstructions} steps");
        _instructions.Add(instruction);
        return _instructions.Count - 1;
    }

    private void Emit(PatternNode node)
    {
        switch (node)
        {
            case PatternNode.One one:
                Add(new Instruction { Operation = Operation.One, Set = one.Set });
                break;
            case PatternNode.Chain chain:
                foreach (var part in chain.Parts) Emit(part);
                break;
            case PatternNode.Choice choice:
                EmitChoice(choice.Alternatives);
                break;
            case PatternNode.Repeat repeat:
                EmitRepeat(repeat);
                break;
            case PatternNode.Atomic atomic:
                Add(new Instruction { Operation = Operation.Atomic, Inner = Compile(atomic.Part, _name, _size) });
                break;
            case PatternNode.Look look:
                EmitLook(look);
                break;
            case PatternNode.At at:
                Add(new Instruction { Operation = Operation.At, Place = at.Place });
                break;
        }
    }

    private void EmitChoice(PatternNode[] alternatives)
    {
        if (alternatives.Length > ChoiceTable.MostAlternatives)
        {
            var head = alternatives[..(ChoiceTable.MostAlternatives - 1)];
            alternatives = [.. head, new PatternNode.Choice(alternatives[(ChoiceTable.MostAlternatives - 1)..])];
        }
        var table = new ChoiceTable();
        Add(new Instruction { Operation = Operation.Choose, Choice = table });
        var exits = new List<int>();
        for (var i = 0; i < alternatives.Length; i++)
        {
            table.Targets[i] = _instructions.Count;
            table.Allow(i, FirstSet.Of(alternatives[i]));
            Emit(alternatives[i]);
            exits.Add(Add(new Instruction { Operation = Operation.Jump }));
        }
        foreach (var exit in exits) Change(exit, _instructions.Count);
    }

    private void EmitRepeat(PatternNode.Repeat repeat)
    {
        if (repeat.Part is PatternNode.One one)
        {
            Add(new Instruction
            {
                Operation = Operation.Loop,
                Set = one.Set,
                Least = repeat.Least,
                Most = repeat.Most ?? int.MaxValue,
                Greed = repeat.Greed
            });
            return;
        }
        if (repeat.Greed == Greed.Possessive)
        {
            Add(new Instruction { Operation = Operation.Atomic, Inner = Compile(repeat with { Greed = Greed.Greedy }, _name, _size) });
            return;
        }
        for (var i = 0; i < repeat.Least; i++) Emit(repeat.Part);
        if (repeat.Most is not { } most)
        {
            EmitStar(repeat);
            return;
        }
        var skips = new List<int>();
        for (var i = repeat.Least; i < most; i++)
        {
            skips.Add(Add(new Instruction { Operation = Operation.Split }));
            Emit(repeat.Part);
        }
        foreach (var skip in skips) Branch(skip, skip + 1, _instructions.Count, repeat.Greed);
    }

    private void EmitStar(PatternNode.Repeat repeat)
    {
        // A body that may consume nothing would repeat for ever: only progress goes round again.
        var guarded = FirstSet.Of(repeat.Part).Nullable;
        var split = Add(new Instruction { Operation = Operation.Split });
        var register = _registers;
        if (guarded)
        {
            _registers++;
            Add(new Instruction { Operation = Operation.Mark, Target = register });
        }
        Emit(repeat.Part);
        if (guarded) Add(new Instruction { Operation = Operation.Progress, Target = register });
        Add(new Instruction { Operation = Operation.Jump, Target = split });
        Branch(split, split + 1, _instructions.Count, repeat.Greed);
    }

    private void EmitLook(PatternNode.Look look)
    {
        if (look.Part is PatternNode.One one)
        {
            Add(new Instruction { Operation = Operation.LookOne, Set = one.Set, Negated = look.Negated, Behind = look.Behind });
            return;
        }
        if (look is { Behind: true, Part: PatternNode.Choice choice })
        {
            // Alternatives of different lengths: none may match, or one must.
            PatternNode[] parts = [.. choice.Alternatives.Select(alternative => look with { Part = alternative })];
            Emit(look.Negated ? new PatternNode.Chain(parts) : new PatternNode.Choice(parts));
            return;
        }
        var length = look.Behind ? Length(look.Part) : 0;
        Add(new Instruction
        {
            Operation = Operation.Look,
            Inner = Compile(look.Part, _name, _size),
            Negated = look.Negated,
            Behind = look.Behind,
            Least = length,
        });
    }

    private static int Length(PatternNode node) => node switch
    {
        PatternNode.One => 1,
        PatternNode.Chain chain => chain.Parts.Sum(Length),
        PatternNode.Atomic atomic => Length(atomic.Part),
        PatternNode.Choice choice when choice.Alternatives.Select(Length).Distinct().Count() == 1 => Length(choice.Alternatives[0]),
        PatternNode.Repeat repeat when repeat.Least == repeat.Most => repeat.Least * Length(repeat.Part),
        PatternNode.Look or PatternNode.At => 0,
        _ => throw new PatternError("a look-behind of variable length in a pattern", unsupported: true),
    };

    private void Change(int index, int target) => _instructions[index] = _instructions[index] with { Target = target };

    private void Branch(int index, int into, int past, Greed greed) => _instructions[index] = _instructions[index] with
    {
        Target = greed == Greed.Lazy ? past : into,
        Other = greed == Greed.Lazy ? into : past,
    };

    /// <summary>The size of a whole pattern, inner programs included.</summary>
    private sealed class Size
    {
        public int Instructions { get; set; }
    }
}
