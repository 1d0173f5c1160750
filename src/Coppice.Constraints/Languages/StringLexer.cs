namespace Coppice.Constraints.Languages;

/// <summary>
/// A JSON string byte by byte, after its opening quote: UTF-8, escapes, and the classifier's state of the decoded text. States are small
/// numbers; what byte leads where is kept in tables that fill as they are used.
/// </summary>
internal sealed class StringLexer
{
    /// <summary>The byte cannot come here.</summary>
    public const int Refused = -1;

    /// <summary>The byte is the closing quote.</summary>
    public const int Closed = -2;

    private const int Unknown = -3;

    private readonly List<Entry> _entries = [];
    private readonly Dictionary<(int State, Phase Phase, int Data), int> _ids = [];

    public StringLexer(TextClassifier classifier)
    {
        Classifier = classifier;
        Start = Intern(classifier.Start, Phase.Between, 0);
    }

    private enum Phase
    {
        /// <summary>Between two characters.</summary>
        Between,

        /// <summary>Inside a UTF-8 character; the data is a <see cref="Utf8Part"/>.</summary>
        Part,

        /// <summary>After a backslash.</summary>
        Escape,

        /// <summary>After \u; the data is the digits' value times 8, plus how many there were.</summary>
        Hex,

        /// <summary>After the first half of a surrogate pair, which is the data.</summary>
        High,

        /// <summary>After the backslash that follows it.</summary>
        HighEscape,

        /// <summary>After its u: the data is ((first half * 65536) + value) * 8 + digits, with the first half less 0xD800.</summary>
        Low,
    }

    public TextClassifier Classifier { get; }

    /// <summary>After the opening quote.</summary>
    public int Start { get; }

    /// <summary>Whether <paramref name="id"/> is between two characters; each step into such a state completes one.</summary>
    public bool IsBetween(int id) => _entries[id].Phase == Phase.Between;

    /// <summary>The decoded text so far.</summary>
    public ClassifierState State(int id) => _entries[id].State;

    /// <summary>The state after <paramref name="next"/>, or <see cref="Refused"/> or <see cref="Closed"/>.</summary>
    public int Step(int id, byte next)
    {
        var entry = _entries[id];
        var index = entry.Phase == Phase.Part ? next - 0x80 : next;
        if ((uint)index >= (uint)entry.Next.Length) return Refused;
        var target = entry.Next[index];
        return target != Unknown ? target : entry.Next[index] = Find(entry, next);
    }

    /// <summary>The lexer's state between characters whose decoded text is <paramref name="state"/>.</summary>
    public int Between(ClassifierState state) => Intern(state, Phase.Between, 0);

    /// <summary>The characters that an unfinished one may become, as ranges; none where the state is between two.</summary>
    public IReadOnlyList<(int Low, int High)> Open(int id)
    {
        var entry = _entries[id];
        switch (entry.Phase)
        {
            case Phase.Part:
                Utf8Part.Range(entry.Data, out var low, out var high);
                return [(low, high)];
            case Phase.Hex: return Units(entry.Data >> 3, 4 - (entry.Data & 7));
            case Phase.Escape: return [('\b', '\n'), ('\f', '\r'), ('"', '"'), ('/', '/'), ('\\', '\\'), .. Units(0, 4)];
            case Phase.High or Phase.HighEscape: return [Pair(entry.Data, 0, 0x3FF)];
            case Phase.Low:
                var first = entry.Data >> 13;
                var (value, left) = ((entry.Data >> 3) & 0x3FF, 4 - (entry.Data & 7));
                return [Pair(first, value << (4 * Math.Min(left, 2)) & 0x3FF, LowEnd(value, left))];
            default: return [];
        }
    }

    private static int LowEnd(int value, int left) => left >= 3 ? 0x3FF : (value << (4 * left)) + (1 << (4 * left)) - 1;

    private static (int Low, int High) Pair(int high, int low, int last) => (0x10000 + (high << 10) + low, 0x10000 + (high << 10) + last);

    /// <summary>The characters whose UTF-16 begins with a unit that begins with these digits.</summary>
    private static List<(int Low, int High)> Units(int value, int left)
    {
        var (low, high) = (value << (4 * left), (value << (4 * left)) + (1 << (4 * left)) - 1);
        var result = new List<(int, int)>(3);
        if (low < 0xD800) result.Add((low, Math.Min(high, 0xD7FF)));
        if (high > 0xDFFF) result.Add((Math.Max(low, 0xE000), high));
        var (firstHigh, lastHigh) = (Math.Max(low, 0xD800), Math.Min(high, 0xDBFF));
        if (firstHigh <= lastHigh) result.Add((0x10000 + ((firstHigh - 0xD800) << 10), 0x10000 + ((lastHigh - 0xD800) << 10) + 0x3FF));
        return result;
    }

    private int Find(Entry entry, byte next)
    {
        switch (entry.Phase)
        {
            case Phase.Between when next == '"': return Closed;
            case Phase.Between when next == '\\': return Intern(entry.State, Phase.Escape, 0);
            case Phase.Between when next < 0x20: return Refused;
            case Phase.Between or Phase.Part:
                var part = Utf8Part.Step(entry.Data, next, out var codePoint);
                if (part < 0) return Refused;
                return part > 0 ? Intern(entry.State, Phase.Part, part) : Complete(entry, codePoint);
            case Phase.Escape: return AfterBackslash(entry, next);
            case Phase.High: return next == '\\' ? Intern(entry.State, Phase.HighEscape, entry.Data) : Refused;
            case Phase.HighEscape: return next == 'u' ? Intern(entry.State, Phase.Low, entry.Data << 13) : Refused;
            case Phase.Hex: return AfterHex(entry, next);
            default: return AfterLow(entry, next);
        }
    }

    private int AfterBackslash(Entry entry, byte next)
    {
        var codePoint = (char)next switch
        {
            '"' => '"',
            '\\' => '\\',
            '/' => '/',
            'b' => '\b',
            'f' => '\f',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            _ => -1,
        };
        if (next == 'u') return Intern(entry.State, Phase.Hex, 0);
        return codePoint < 0 ? Refused : Complete(entry, codePoint);
    }

    private int AfterHex(Entry entry, byte next)
    {
        var digit = HexDigit(next);
        if (digit < 0) return Refused;
        var (value, count) = (((entry.Data >> 3) << 4) | digit, (entry.Data & 7) + 1);
        if (count == 4 && value is >= 0xD800 and < 0xDC00) return Intern(entry.State, Phase.High, value - 0xD800);
        if (count == 4 && value is >= 0xDC00 and < 0xE000) return Refused;
        if (count == 2 && value is >= 0xDC and < 0xE0) return Refused;
        return count == 4 ? Complete(entry, value) : Intern(entry.State, Phase.Hex, (value << 3) | count);
    }

    private int AfterLow(Entry entry, byte next)
    {
        var digit = HexDigit(next);
        var (first, count) = (entry.Data >> 13, entry.Data & 7);
        if (digit < 0 || (count == 0 && digit != 0xD) || (count == 1 && digit < 0xC)) return Refused;
        // The two leading digits give DC00 to DFFF, of which only the last ten bits count.
        var value = ((((entry.Data >> 3) & 0x3FF) << 4) | digit) & (count == 0 ? 0 : count == 1 ? 3 : 0x3FF);
        return count == 3
            ? Complete(entry, 0x10000 + (first << 10) + value)
            : Intern(entry.State, Phase.Low, (first << 13) | (value << 3) | (count + 1));
    }

    private static int HexDigit(byte value) => (char)value switch
    {
        >= '0' and <= '9' => value - '0',
        >= 'a' and <= 'f' => value - 'a' + 10,
        >= 'A' and <= 'F' => value - 'A' + 10,
        _ => -1,
    };

    private int Complete(Entry entry, int codePoint) => Intern(entry.State.Next(codePoint), Phase.Between, 0);

    private int Intern(ClassifierState state, Phase phase, int data)
    {
        if (_ids.TryGetValue((state.Id, phase, data), out var id)) return id;
        id = _entries.Count;
        // In a character only the 64 bytes of its rest may come, in an escape only ASCII.
        var next = new int[phase switch { Phase.Between => 256, Phase.Part => 64, _ => 128 }];
        Array.Fill(next, Unknown);
        _entries.Add(new Entry(state, phase, data, next));
        return _ids[(state.Id, phase, data)] = id;
    }

    private sealed record Entry(ClassifierState State, Phase Phase, int Data, int[] Next);
}
