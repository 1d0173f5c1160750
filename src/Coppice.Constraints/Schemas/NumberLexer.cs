namespace Coppice.Constraints.Schemas;

/// <summary>Where a number stands in the grammar of JSON.</summary>
internal enum NumberPhase
{
    /// <summary>After the sign.</summary>
    Minus,

    /// <summary>After a leading zero.</summary>
    Zero,

    /// <summary>After digits before the point.</summary>
    Whole,

    /// <summary>After the point.</summary>
    Point,

    /// <summary>After digits that follow the point.</summary>
    Fraction,

    /// <summary>After e.</summary>
    Exponent,

    /// <summary>After the exponent's sign.</summary>
    ExponentSign,

    /// <summary>After digits of the exponent.</summary>
    ExponentDigits,
}

/// <summary>
/// Numbers byte by byte. Where nothing depends on the value a state is only the phase (ids 0 to 7); else it is the text so far, which
/// gets an id of its own.
/// </summary>
internal sealed class NumberLexer
{
    private const int Phases = 8, LongestText = 320;

    private readonly List<string> _texts = [];
    private readonly Dictionary<string, int> _ids = [];
    private readonly Dictionary<(int Id, byte Next), int> _steps = [];

    /// <summary>The state after the first byte of a number, or -1 where no number begins with it.</summary>
    public int Begin(byte first, bool keepsText)
    {
        // As a step from nowhere, so that the text of one byte is made once.
        if (keepsText && _steps.TryGetValue((-1, first), out var known)) return known;
        var phase = first switch
        {
            (byte)'-' => NumberPhase.Minus,
            (byte)'0' => NumberPhase.Zero,
            >= (byte)'1' and <= (byte)'9' => NumberPhase.Whole,
            _ => (NumberPhase)(-1),
        };
        if ((int)phase < 0) return -1;
        return keepsText ? _steps[(-1, first)] = IdOf(((char)first).ToString()) : (int)phase;
    }

    /// <summary>The state after one more byte, or -1 where the number does not go on with it.</summary>
    public int Step(int id, byte next)
    {
        if (id < Phases) return (int)Next((NumberPhase)id, next);
        return _steps.TryGetValue((id, next), out var known) ? known : _steps[(id, next)] = Find(id, next);
    }

    private int Find(int id, byte next)
    {
        var phase = Next(PhaseOf(id), next);
        if ((int)phase < 0) return -1;
        var text = _texts[id - Phases];
        return text.Length >= LongestText ? -1 : IdOf(text + (char)next);
    }

    /// <summary>Whether a number may end here.</summary>
    public bool MayEnd(int id) =>
        PhaseOf(id) is NumberPhase.Zero or NumberPhase.Whole or NumberPhase.Fraction or NumberPhase.ExponentDigits;

    /// <summary>The digits so far; empty where they are not kept.</summary>
    public string Text(int id) => id < Phases ? "" : _texts[id - Phases];

    /// <summary>Where the number stands.</summary>
    public NumberPhase PhaseOf(int id)
    {
        if (id < Phases) return (NumberPhase)id;
        var text = _texts[id - Phases];
        var phase = text[0] == '-' ? NumberPhase.Minus : text[0] == '0' ? NumberPhase.Zero : NumberPhase.Whole;
        for (var i = 1; i < text.Length; i++) phase = Next(phase, (byte)text[i]);
        return phase;
    }

    private int IdOf(string text)
    {
        if (_ids.TryGetValue(text, out var id)) return id;
        _texts.Add(text);
        return _ids[text] = _texts.Count - 1 + Phases;
    }

    private static NumberPhase Next(NumberPhase phase, byte next)
    {
        var digit = next is >= (byte)'0' and <= (byte)'9';
        var exponent = next is (byte)'e' or (byte)'E';
        const NumberPhase none = (NumberPhase)(-1);
        return phase switch
        {
            NumberPhase.Minus when digit => next == '0' ? NumberPhase.Zero : NumberPhase.Whole,
            NumberPhase.Whole when digit => NumberPhase.Whole,
            NumberPhase.Zero or NumberPhase.Whole when next == '.' => NumberPhase.Point,
            NumberPhase.Zero or NumberPhase.Whole or NumberPhase.Fraction when exponent => NumberPhase.Exponent,
            NumberPhase.Point or NumberPhase.Fraction when digit => NumberPhase.Fraction,
            NumberPhase.Exponent when next is (byte)'+' or (byte)'-' => NumberPhase.ExponentSign,
            NumberPhase.Exponent or NumberPhase.ExponentSign or NumberPhase.ExponentDigits when digit => NumberPhase.ExponentDigits,
            _ => none,
        };
    }
}
