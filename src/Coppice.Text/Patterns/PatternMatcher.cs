using System.Numerics;
using Coppice.Text.Unicode;

namespace Coppice.Text.Patterns;

/// <summary>
/// Runs a compiled pattern by backtracking with a stack of its own. Once an attempt has gone back often, visited states are remembered
/// and not entered twice, so a hostile pattern costs instructions times length instead of exponential time. Not for concurrent use.
/// </summary>
internal sealed class PatternMatcher
{
    private const int ReturnsBeforeMemory = 2_000;
    private const long FirstAllowance = 5_000_000;
    private const long AllowanceOfCharacter = 256;

    private readonly PatternProgram _program;
    private readonly Instruction[] _instructions;
    private readonly int[] _registers;
    private readonly PatternMatcher?[] _inner;
    private readonly Allowance _allowance;
    private Frame[] _frames = new Frame[16];
    private int _depth;
    private int _returns;
    private HashSet<long>? _visited;

    public PatternMatcher(PatternProgram program) : this(program, new Allowance { Steps = FirstAllowance }) { }

    private PatternMatcher(PatternProgram program, Allowance allowance)
    {
        _allowance = allowance;
        _program = program;
        _instructions = program.Instructions;
        _registers = new int[program.Registers];
        _inner = new PatternMatcher?[program.Instructions.Length];
    }

    /// <summary>Begins a text: nothing that was allowed for others is left.</summary>
    public void Begin() => _allowance.Steps = FirstAllowance;

    /// <summary>Allows work in proportion to a further text of this length.</summary>
    public void Allow(int length) => _allowance.Steps += length * AllowanceOfCharacter;

    /// <summary>Matches at exactly <paramref name="start"/>; <paramref name="end"/> is where the match ends.</summary>
    /// <exception cref="CheckpointException">The pattern needs too many steps on this text.</exception>
    public bool TryMatch(ReadOnlySpan<char> text, int start, out int end)
    {
        _depth = 0;
        _returns = 0;
        _visited = null;
        var at = 0;
        end = start;
        while (true)
        {
            ref readonly var step = ref _instructions[at];
            bool goesOn;
            switch (step.Operation)
            {
                case Operation.Match:
                    return true;
                case Operation.One:
                    goesOn = TakeOne(text, step.Set!, ref end);
                    at++;
                    break;
                case Operation.Loop:
                    goesOn = TakeLoop(text, at, in step, ref end);
                    at++;
                    break;
                case Operation.Choose:
                    goesOn = Choose(text, step.Choice!, step.Choice!.Possible(text, end), ref at, end);
                    break;
                case Operation.Split:
                    goesOn = IsNew(at, end);
                    if (goesOn) Push(step.Other, end, FrameKind.Resume, 0);
                    at = step.Target;
                    break;
                case Operation.Jump:
                    goesOn = true;
                    at = step.Target;
                    break;
                case Operation.Progress:
                    goesOn = true;
                    at += _registers[step.Target] != end ? 1 : 2;
                    break;
                default:
                    goesOn = Ask(text, at, in step, ref end);
                    at++;
                    break;
            }
            if (!goesOn && !Return(text, ref at, ref end)) return false;
        }
    }

    private static bool TakeOne(ReadOnlySpan<char> text, CharacterSet set, ref int position)
    {
        if (position >= text.Length || !set.Contains(CodePoints.At(text, position, out var length))) return false;
        position += length;
        return true;
    }

    private bool TakeLoop(ReadOnlySpan<char> text, int at, in Instruction step, ref int position)
    {
        var set = step.Set!;
        var most = step.Greed == Greed.Lazy ? step.Least : step.Most;
        var count = 0;
        var shortest = position;
        while (count < most && TakeOne(text, set, ref position))
            if (++count == step.Least) shortest = position;
        Spend(count);
        if (count < step.Least) return false;
        if (step.Greed == Greed.Lazy) Push(at, position, FrameKind.Longer, step.Most - step.Least);
        else if (step.Greed == Greed.Greedy && position > shortest) Push(at, position, FrameKind.Shorter, shortest);
        return true;
    }

    private bool Choose(ReadOnlySpan<char> text, ChoiceTable table, ulong possible, ref int at, int position)
    {
        if (possible == 0 || !IsNew(at, position)) return false;
        Take(table, possible, ref at, position);
        return true;
    }

    private void Take(ChoiceTable table, ulong possible, ref int at, int position)
    {
        var chosen = BitOperations.TrailingZeroCount(possible);
        var rest = possible & (possible - 1);
        if (rest != 0) Push(at, position, FrameKind.Alternatives, (long)rest);
        at = table.Targets[chosen];
    }

    // Steps that consume nothing, and atomic groups.
    private bool Ask(ReadOnlySpan<char> text, int at, in Instruction step, ref int position)
    {
        switch (step.Operation)
        {
            case Operation.Mark:
                Push(step.Target, _registers[step.Target], FrameKind.Register, 0);
                _registers[step.Target] = position;
                return true;
            case Operation.At:
                return IsAt(text, step.Place, position);
            case Operation.LookOne:
                var there = step.Behind ? position > 0 : position < text.Length;
                var letter = !there ? 0 : step.Behind ? CodePoints.Before(text, position, out _) : CodePoints.At(text, position, out _);
                return (there && step.Set!.Contains(letter)) != step.Negated;
            case Operation.Look:
                var from = position;
                var reachable = true;
                for (var i = 0; i < step.Least && reachable; i++)
                {
                    reachable = from > 0;
                    if (!reachable) break;
                    CodePoints.Before(text, from, out var length);
                    from -= length;
                }
                return (reachable && Inner(at, step.Inner!).TryMatch(text, from, out _)) != step.Negated;
            default:
                if (!Inner(at, step.Inner!).TryMatch(text, position, out var end)) return false;
                position = end;
                return true;
        }
    }

    private PatternMatcher Inner(int at, PatternProgram program) => _inner[at] ??= new PatternMatcher(program, _allowance);

    private static bool IsAt(ReadOnlySpan<char> text, Place place, int position) => place switch
    {
        Place.TextStart => position == 0,
        Place.TextEnd => position == text.Length,
        Place.TextEndOrLastLine => position == text.Length || (position == text.Length - 1 && text[position] == '\n'),
        // A line end at the very end of the text begins no further line (Oniguruma).
        Place.LineStart => position == 0 || (text[position - 1] == '\n' && position < text.Length),
        Place.LineEnd => position == text.Length || text[position] == '\n',
        Place.WordBoundary => IsWordBoundary(text, position),
        _ => !IsWordBoundary(text, position),
    };

    private static bool IsWordBoundary(ReadOnlySpan<char> text, int position)
    {
        var before = position > 0 && CharacterSet.Word.Contains(CodePoints.Before(text, position, out _));
        var after = position < text.Length && CharacterSet.Word.Contains(CodePoints.At(text, position, out _));
        return before != after;
    }

    // Takes the newest open possibility; false where none is left.
    private bool Return(ReadOnlySpan<char> text, ref int at, ref int position)
    {
        if (++_returns >= ReturnsBeforeMemory) _visited ??= [];
        Spend(1);
        while (_depth > 0)
        {
            var frame = _frames[--_depth];
            at = frame.At;
            position = frame.Position;
            switch (frame.Kind)
            {
                case FrameKind.Resume:
                    return true;
                case FrameKind.Register:
                    _registers[at] = position;
                    continue;
                case FrameKind.Alternatives:
                    Take(_instructions[at].Choice!, (ulong)frame.Extra, ref at, position);
                    return true;
                case FrameKind.Shorter:
                    CodePoints.Before(text, position, out var length);
                    position -= length;
                    if (position > (int)frame.Extra) Push(at, position, FrameKind.Shorter, frame.Extra);
                    at++;
                    return true;
                default:
                    if (frame.Extra <= 0 || !TakeOne(text, _instructions[at].Set!, ref position)) continue;
                    Push(at, position, FrameKind.Longer, frame.Extra - 1);
                    at++;
                    return true;
            }
        }
        return false;
    }

    private void Spend(int steps)
    {
        if ((_allowance.Steps -= steps) >= 0) return;
        throw new CheckpointException($"{_program.Name}: must match in steps in proportion to the text, but takes many more "
            + "on this one.");
    }

    private bool IsNew(int at, int position) => _visited is null || _visited.Add((long)at << 32 | (uint)position);

    private void Push(int at, int position, FrameKind kind, long extra)
    {
        if (_depth == _frames.Length) Array.Resize(ref _frames, _depth * 2);
        _frames[_depth++] = new Frame(at, position, kind, extra);
    }

    private enum FrameKind
    {
        Resume,
        Alternatives,
        Shorter,
        Longer,
        Register,
    }

    private readonly record struct Frame(int At, int Position, FrameKind Kind, long Extra);

    /// <summary>The steps that a matcher and those inside it may still take.</summary>
    private sealed class Allowance
    {
        public long Steps { get; set; }
    }
}
