using System.Text;
using Coppice.Constraints.Languages;

namespace Coppice.Constraints.Schemas;

/// <summary>
/// A string of which some formulas are to become true or false: whether it may end here, and whether it still can. Shared by all places
/// that ask the same of their strings.
/// </summary>
internal sealed class StringGoal : ILexeme
{
    private const int LongestSearch = 20_000;
    private const byte Live = 1, Dead = 2;

    /// <summary>All bytes, in the order in which they are tried: digits, and the letter of the escape for a line end, first.</summary>
    private static readonly byte[] LeadingBytes =
        [.. Enumerable.Range(0, 256).Select(value => (byte)value).OrderBy(value => char.IsAsciiDigit((char)value) || value == 'n' ? 0 : 1)];

    private readonly Formula[] _formulas;
    private readonly Func<ulong, bool> _isWanted;
    private readonly int[] _thresholds;
    private bool[]? _literals;
    private byte[] _liveByLex = [];
    private readonly Dictionary<(int State, int Length), bool> _reach = [];
    private readonly Dictionary<(int Lex, int Length), bool> _live = [];
    private readonly Dictionary<(int State, int Length), ulong> _truths = [];
    private readonly Dictionary<(int Lex, int Length), byte[]?> _endings = [];

    /// <summary>The goal that the truths of <paramref name="formulas"/> are wanted ones.</summary>
    public StringGoal(SchemaCompiler compiler, Formula[] formulas, Func<ulong, bool> isWanted)
    {
        _formulas = formulas;
        _isWanted = isWanted;
        var languages = new HashSet<TextLanguage>();
        var literals = new HashSet<LiteralSet>();
        var thresholds = new SortedSet<int>();
        foreach (var formula in formulas) Collect(formula, languages, literals, thresholds);
        _thresholds = [.. thresholds];
        Lexer = compiler.LexerOf(languages, literals);
        Classifier = Lexer.Classifier;
        IsClosed = _thresholds.Length == 0 && languages.Count == 0 && literals.Count > 0 && !isWanted(TruthsOf(null));
    }

    public TextClassifier Classifier { get; }

    public StringLexer Lexer { get; }

    /// <summary>How often a search ended because it had become too long; the answer was then taken to be yes.</summary>
    public int Unknowns { get; private set; }

    /// <summary>Whether every string will do.</summary>
    public bool IsFree => Classifier.IsTrivial && _thresholds.Length == 0 && CanReach(Classifier.Start, 0);

    /// <summary>Masks by lexer state and length.</summary>
    public Dictionary<(int Lex, int Length), Masks.LexemeMask> Masks { get; } = [];

    /// <inheritdoc/>
    public bool CountsLength => _thresholds.Length > 0;

    /// <inheritdoc/>
    public bool IsUniform => Classifier.IsTrivial;

    /// <inheritdoc/>
    public bool IsClosed { get; }

    /// <summary>
    /// Lengths that no threshold tells apart from <paramref name="length"/>, for texts of up to <paramref name="ahead"/> more characters,
    /// have one number.
    /// </summary>
    public int LengthClass(int length, int ahead)
    {
        for (var i = 0; i < _thresholds.Length; i++)
        {
            if (length >= _thresholds[i]) continue;
            return length + ahead >= _thresholds[i] ? length : -1 - i;
        }
        return -1 - _thresholds.Length;
    }

    /// <summary>Bit i: whether formula i is true of the text that ends here.</summary>
    public ulong Truths(ClassifierState state, int length)
    {
        var key = (state.Id, Normalized(length));
        return _truths.TryGetValue(key, out var known) ? known : _truths[key] = FindTruths(state, length);
    }

    private ulong FindTruths(ClassifierState state, int length)
    {
        var truths = 0UL;
        var name = state.Name < 0 ? null : Classifier.Names.Names[state.Name];
        for (var i = 0; i < _formulas.Length; i++)
            if (FormulaTruth.Evaluate(_formulas[i], leaf => leaf switch
            {
                TextFormula text => state.Accepts(text.Language),
                LiteralsFormula literals => literals.Set.Contains(name),
                _ => ((LengthFormula)leaf).Holds(length),
            })) truths |= 1UL << i;
        return truths;
    }

    /// <summary>The truths of a text that is the literal <paramref name="name"/>, or none where that is null.</summary>
    private ulong TruthsOf(string? name)
    {
        var truths = 0UL;
        for (var i = 0; i < _formulas.Length; i++)
            if (FormulaTruth.Evaluate(_formulas[i], leaf => leaf is LiteralsFormula literals && literals.Set.Contains(name)))
                truths |= 1UL << i;
        return truths;
    }

    /// <summary>Where only literals may come: whether one that begins like this may.</summary>
    private bool HasLiteral(ClassifierState state)
    {
        _literals ??= Array.ConvertAll(Classifier.Names.Names, name => _isWanted(TruthsOf(name)));
        foreach (var name in state.NamesAhead)
            if (_literals[name]) return true;
        return false;
    }

    /// <inheritdoc/>
    public bool TryEnd(ClassifierState state, int length, out ulong outcome)
    {
        outcome = Truths(state, length);
        return _isWanted(outcome);
    }

    /// <summary>Whether the text may end here.</summary>
    public bool MayEnd(ClassifierState state, int length) => _isWanted(Truths(state, length));

    /// <summary>Whether the lexer's state leads to an end that is wanted.</summary>
    public bool IsLive(int lex, int length)
    {
        if (_thresholds.Length == 0) return IsLive(lex);
        if (Lexer.IsBetween(lex)) return CanReach(Lexer.State(lex), length);
        var key = (lex, Normalized(length));
        if (_live.TryGetValue(key, out var known)) return known;
        return _live[key] = FindLive(lex, length);
    }

    /// <summary>The same where lengths do not matter: walks over a whole vocabulary ask for each of its bytes.</summary>
    private bool IsLive(int lex)
    {
        if (lex >= _liveByLex.Length) Array.Resize(ref _liveByLex, Math.Max(2 * _liveByLex.Length, lex + 64));
        if (_liveByLex[lex] != 0) return _liveByLex[lex] == Live;
        var isLive = Classifier.IsTrivial ? CanReach(Classifier.Start, 0) : Lexer.IsBetween(lex) ? CanReach(Lexer.State(lex), 0)
            : FindLive(lex, 0);
        _liveByLex[lex] = isLive ? Live : Dead;
        return isLive;
    }

    /// <summary>Whether some text after this one is wanted.</summary>
    public bool CanReach(ClassifierState state, int length)
    {
        if (IsClosed) return HasLiteral(state);
        if (_reach.TryGetValue((state.Id, Normalized(length)), out var known)) return known;
        return Shortest(state, length) is not null;
    }

    /// <summary>The shortest text that may come before an end that is wanted; null where there is none.</summary>
    public string? Shortest(ClassifierState start, int startLength)
    {
        if (Classifier.IsTrivial)
        {
            var plain = Plain(startLength);
            _reach[(start.Id, Normalized(startLength))] = plain is not null;
            return plain;
        }
        var from = new Dictionary<(int State, int Length), ((int State, int Length) Before, int CodePoint)>();
        var queue = new Queue<(ClassifierState State, int Length)>();
        var first = (start, Normalized(startLength));
        from[(start.Id, first.Item2)] = ((-1, 0), 0);
        queue.Enqueue(first);
        while (queue.TryDequeue(out var at))
        {
            if (MayEnd(at.State, at.Length)) return Found(from, (at.State.Id, at.Length));
            if (from.Count > LongestSearch)
            {
                Unknowns++;
                _reach[(start.Id, first.Item2)] = true;
                return null;
            }
            var length = Normalized(at.Length + 1);
            foreach (var codePoint in Choices(at.State))
            {
                var next = at.State.Next(codePoint);
                if (from.TryAdd((next.Id, length), ((at.State.Id, at.Length), codePoint))) queue.Enqueue((next, length));
            }
        }
        foreach (var key in from.Keys) _reach[key] = false;
        return null;
    }

    private string Found(Dictionary<(int State, int Length), ((int State, int Length) Before, int CodePoint)> from,
        (int State, int Length) end)
    {
        var characters = new List<int>();
        for (var at = end; ; at = from[at].Before)
        {
            _reach[at] = true;
            if (from[at].Before.State < 0) break;
            characters.Add(from[at].CodePoint);
        }
        characters.Reverse();
        return string.Concat(characters.Select(char.ConvertFromUtf32));
    }

    /// <summary>The rest of the shortest string that goes on from the lexer's state, and the quote; null where none is known.</summary>
    public byte[]? Ending(int lex, int length)
    {
        var key = (lex, Normalized(length));
        if (!_endings.TryGetValue(key, out var known)) _endings[key] = known = FindEnding(lex, length);
        return known;
    }

    private byte[]? FindEnding(int lex, int length)
    {
        if (Lexer.IsBetween(lex)) return Shortest(Lexer.State(lex), length) is { } rest ? Closing(rest) : null;
        return ByteThatLeads(Lexer, lex, next => IsLive(next, Lexer.IsBetween(next) ? length + 1 : length));
    }

    /// <summary>The text as it is written in a string, and the quote that closes it.</summary>
    internal static byte[] Closing(string text) => Encoding.UTF8.GetBytes(CanonicalJson.Quoted(text)[1..]);

    /// <summary>The first byte with which an unfinished character or escape goes on well.</summary>
    internal static byte[]? ByteThatLeads(StringLexer lexer, int lex, Func<int, bool> isLive)
    {
        foreach (var candidate in LeadingBytes)
            if (lexer.Step(lex, candidate) is >= 0 and var next && isLive(next)) return [candidate];
        return null;
    }

    /// <summary>One code point of each stretch, a printable one where there is one.</summary>
    internal static IEnumerable<int> Choices(ClassifierState state)
    {
        if (state.Starts.Length == 1)
        {
            yield return 'a';
            yield break;
        }
        var starts = state.Starts.ToArray();
        for (var i = 0; i < starts.Length; i++)
        {
            var end = i + 1 < starts.Length ? starts[i + 1] - 1 : CharSet.Last;
            var choice = Wish(starts[i], end);
            if (choice is >= 0xD800 and <= 0xDFFF)
            {
                if (end <= 0xDFFF) continue;
                choice = 0xE000;
            }
            yield return choice;
        }
    }

    private static int Wish(int first, int last)
    {
        foreach (var wish in (ReadOnlySpan<int>)['a', '0', 'A', ' ', '!', '#'])
            if (wish >= first && wish <= last) return wish;
        return first;
    }

    private string? Plain(int length)
    {
        if (MayEnd(Classifier.Start, length)) return "";
        foreach (var threshold in _thresholds)
            if (threshold > length && MayEnd(Classifier.Start, threshold)) return new string('a', threshold - length);
        return null;
    }

    private bool FindLive(int lex, int length)
    {
        var state = Lexer.State(lex);
        foreach (var (low, high) in Lexer.Open(lex))
        {
            if (CanReach(state.Next(low), length + 1)) return true;
            foreach (var start in state.Starts)
                if (start > low && start <= high && CanReach(state.Next(start), length + 1)) return true;
        }
        return false;
    }

    /// <summary>Lengths from the last that matters on are all alike.</summary>
    public int Normalized(int length) => _thresholds.Length == 0 ? 0 : Math.Min(length, _thresholds[^1]);

    private static void Collect(
        Formula formula, HashSet<TextLanguage> languages, HashSet<LiteralSet> literals, SortedSet<int> thresholds)
    {
        switch (formula)
        {
            case CompositeFormula composite:
                foreach (var part in composite.Parts) Collect(part, languages, literals, thresholds);
                break;
            case TextFormula text:
                languages.Add(text.Language);
                break;
            case LiteralsFormula set:
                literals.Add(set.Set);
                break;
            case LengthFormula length:
                if (length.Least > 0) thresholds.Add(length.Least);
                if (length.Most < int.MaxValue) thresholds.Add(length.Most + 1);
                break;
        }
    }
}
