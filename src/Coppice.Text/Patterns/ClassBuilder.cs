namespace Coppice.Text.Patterns;

/// <summary>
/// Collects what a bracketed class holds, item by item, and decides what a hyphen is: the middle of a range, or a character. The rules are
/// Oniguruma's: a hyphen is a character at the start, at the end, before &amp;&amp; and after a range.
/// </summary>
internal sealed class ClassBuilder
{
    private readonly bool _ignoreCase;
    private readonly List<CharacterSet> _intersected = [];
    private List<CharacterSet> _members = [];
    private List<int> _ranges = [];
    private State _state = State.Start;
    private int _last;

    public ClassBuilder(bool ignoreCase) => _ignoreCase = ignoreCase;

    private enum State
    {
        /// <summary>Nothing since the bracket or the last &amp;&amp;.</summary>
        Start,

        /// <summary>A character that a hyphen makes the start of a range; it is not in the ranges yet.</summary>
        Character,

        /// <summary>A set that cannot start a range.</summary>
        Set,

        /// <summary>A character and a hyphen.</summary>
        Hyphen,

        /// <summary>A whole range or a class in brackets.</summary>
        Complete,
    }

    /// <summary>Adds a character that is no hyphen, or one that was escaped.</summary>
    public void AddCharacter(int letter)
    {
        if (_state == State.Hyphen)
        {
            if (letter < _last) throw new PatternError("an empty range in a character class");
            AddRange(_last, letter);
            _state = State.Complete;
            return;
        }
        AddLast();
        _last = letter;
        _state = State.Character;
    }

    /// <summary>Adds a hyphen; <paramref name="closes"/> says that the end of the class or &amp;&amp; follows.</summary>
    public void AddHyphen(bool closes)
    {
        if (_state == State.Character && !closes) _state = State.Hyphen;
        else if (_state == State.Set && !closes) throw new PatternError("a range in a character class that starts with a set");
        else AddCharacter('-');
    }

    /// <summary>Adds what an escape or a POSIX bracket stands for.</summary>
    public void AddSet(CharacterSet set)
    {
        if (_state == State.Hyphen) throw new PatternError("a range in a character class that ends with a set");
        AddLast();
        _members.Add(set);
        _state = State.Set;
    }

    /// <summary>Adds a class in brackets. The start of a range before it is lost.</summary>
    public void AddClass(CharacterSet set)
    {
        AddLast();
        _members.Add(set);
        _state = State.Complete;
    }

    /// <summary>What came so far is to be intersected with what follows.</summary>
    public void Intersect()
    {
        AddLast();
        _intersected.Add(Union());
        _members = [];
        _ranges = [];
        _state = State.Start;
    }

    /// <summary>The whole class.</summary>
    public CharacterSet End(bool negated)
    {
        Intersect();
        return new CharacterSet(members: [.. _intersected], intersects: true, negated: negated);
    }

    private void AddLast()
    {
        if (_state == State.Character) AddRange(_last, _last);
    }

    private void AddRange(int low, int high)
    {
        _ranges.Add(low);
        _ranges.Add(high);
    }

    private CharacterSet Union()
    {
        if (_ignoreCase)
        {
            var folded = new List<int>(_ranges);
            for (var i = 0; i < _ranges.Count; i += 2)
                for (var letter = _ranges[i]; letter <= Math.Min(_ranges[i + 1], 0x24FF); letter++)
                    foreach (var variant in CaseVariants.Of(letter)) folded.AddRange([variant, variant]);
            _ranges = folded;
        }
        return new CharacterSet(ranges: [.. _ranges], members: [.. _members]);
    }
}
