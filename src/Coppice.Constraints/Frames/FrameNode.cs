namespace Coppice.Constraints.Frames;

/// <summary>A place in the fixed texts that are possible somewhere: a node of their trie.</summary>
internal sealed class FrameNode(int id)
{
    /// <summary>The target of a text after which nothing more is needed.</summary>
    public const int Accepts = -2;

    private const int None = -1;

    private readonly Dictionary<int, FrameNode> _next = [];

    public int Id => id;

    /// <summary>The value that begins here, or <see cref="Accepts"/>; -1 where a text only goes on.</summary>
    public int Target { get; set; } = None;

    public bool MayEnd => Target == Accepts;

    public bool BeginsValue => Target >= 0;

    /// <summary>Bytes, and ids of tokens after them, that may come.</summary>
    public IReadOnlyDictionary<int, FrameNode> Next => _next;

    /// <summary>Adds the step over <paramref name="symbol"/> unless it is there.</summary>
    public FrameNode Add(int symbol, Func<FrameNode> node)
    {
        if (!_next.TryGetValue(symbol, out var next)) _next[symbol] = next = node();
        return next;
    }
}

/// <summary>Fixed texts as sequences of symbols: bytes, and from 256 on the ids of special tokens.</summary>
internal sealed class FrameTrie(TokenVocabulary vocabulary, IReadOnlyList<string> tokens)
{
    private const int FirstToken = 256;

    private readonly (string Name, int Symbol)[] _tokens =
    [
        .. tokens.Where(name => vocabulary.SpecialId(name) is not null).Distinct().OrderByDescending(name => name.Length)
            .Select(name => (name, FirstToken + vocabulary.SpecialId(name)!.Value)),
    ];

    /// <summary>Nodes made so far; ids are below it.</summary>
    public int Count { get; private set; }

    /// <summary>The symbol that a token is.</summary>
    public static int SymbolOf(int token) => FirstToken + token;

    /// <summary>Whether a symbol is a token, and which.</summary>
    public static bool IsToken(int symbol, out int token) => (token = symbol - FirstToken) >= 0;

    /// <summary>A place before which no text has begun.</summary>
    public FrameNode NewRoot() => new(Count++);

    /// <summary>Adds a text that leads to <paramref name="target"/>.</summary>
    public void Add(FrameNode root, string text, int target)
    {
        var node = root;
        foreach (var symbol in Symbols(text)) node = node.Add(symbol, NewRoot);
        if (node.Target != target && (node.MayEnd || node.BeginsValue))
            throw new ConstraintException($"frame: \"{text}\" must lead to one value, found two.");
        node.Target = target;
    }

    private IEnumerable<int> Symbols(string text)
    {
        while (text.Length > 0)
        {
            var at = text.Length;
            (string Name, int Symbol) token = default;
            foreach (var candidate in _tokens)
            {
                var found = text.IndexOf(candidate.Name, StringComparison.Ordinal);
                if (found >= 0 && found < at) (at, token) = (found, candidate);
            }
            foreach (var value in System.Text.Encoding.UTF8.GetBytes(text[..at])) yield return value;
            if (token.Name is null) yield break;
            yield return token.Symbol;
            text = text[(at + token.Name.Length)..];
        }
    }
}
