namespace Coppice.Constraints.Languages;

/// <summary>Runs several languages, and a set of names, side by side over one text: which hold it, and which name is it?</summary>
internal sealed class TextClassifier
{
    private readonly Dictionary<Key, ClassifierState> _states = [];

    public TextClassifier(IEnumerable<TextLanguage> languages, IEnumerable<string> names)
    {
        Languages = [.. languages];
        Names = new NameTrie(names);
        for (var i = 0; i < Languages.Length; i++) Indices[Languages[i].Id] = i;
        var starts = Array.ConvertAll(Languages, language => language.Start);
        Start = State(starts, Names.Names.Length > 0 ? Names.Root : null);
        Other = State(starts, null);
    }

    /// <summary>The languages, in the order of <see cref="ClassifierState.Parts"/>.</summary>
    public TextLanguage[] Languages { get; }

    public NameTrie Names { get; }

    /// <summary>From a language's id to its place.</summary>
    public Dictionary<int, int> Indices { get; } = [];

    /// <summary>Before the first character.</summary>
    public ClassifierState Start { get; }

    /// <summary>Whether no text differs from another.</summary>
    public bool IsTrivial => Languages.Length == 0 && Names.Names.Length == 0;

    /// <summary>The same where no name may come: where there are no languages, the state of every other text.</summary>
    public ClassifierState Other { get; }

    /// <summary>The state after the whole of <paramref name="text"/>.</summary>
    public ClassifierState After(string text)
    {
        var state = Start;
        foreach (var rune in text.EnumerateRunes()) state = state.Next(rune.Value);
        return state;
    }

    public ClassifierState State(TextState[] parts, NameTrie.Node? name)
    {
        var key = new Key(parts, name);
        if (!_states.TryGetValue(key, out var state)) _states[key] = state = new ClassifierState(this, _states.Count, parts, name);
        return state;
    }

    private readonly record struct Key(TextState[] Parts, NameTrie.Node? Name)
    {
        public bool Equals(Key other) => Name == other.Name && Parts.AsSpan().SequenceEqual(other.Parts);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            hash.Add(Name);
            foreach (var part in Parts) hash.Add(part.Node.Id);
            return hash.ToHashCode();
        }
    }
}

/// <summary>Where each language of a <see cref="TextClassifier"/> stands.</summary>
internal sealed class ClassifierState
{
    private static readonly List<int> NoNames = [];

    private readonly TextClassifier _owner;
    private readonly NameTrie.Node? _name;
    private readonly ClassifierState?[] _ascii = new ClassifierState?[128];
    private int[]? _starts;

    public ClassifierState(TextClassifier owner, int id, TextState[] parts, NameTrie.Node? name)
    {
        _owner = owner;
        _name = name;
        Id = id;
        Parts = parts;
    }

    /// <summary>Number in its classifier.</summary>
    public int Id { get; }

    /// <summary>The state of each language.</summary>
    public TextState[] Parts { get; }

    /// <summary>The name that the text is so far, or -1.</summary>
    public int Name => _name?.Name ?? -1;

    /// <summary>The names that begin as the text does.</summary>
    public List<int> NamesAhead => _name is null ? NoNames : _name.NamesBelow;

    /// <summary>The first code point of each stretch that leads to the same state.</summary>
    public ReadOnlySpan<int> Starts => _starts ??= FindStarts();

    /// <summary>Whether the text so far is in <paramref name="language"/>.</summary>
    public bool Accepts(TextLanguage language) => Parts[_owner.Indices[language.Id]].Accepts;

    /// <summary>The state after <paramref name="codePoint"/>.</summary>
    public ClassifierState Next(int codePoint) => codePoint < 128 ? _ascii[codePoint] ??= Find(codePoint) : Find(codePoint);

    private ClassifierState Find(int codePoint)
    {
        if (_owner.IsTrivial) return this;
        var name = _name is not null && _name.Children.TryGetValue(codePoint, out var child) ? child : null;
        return _owner.State(Array.ConvertAll(Parts, part => part.Next(codePoint)), name);
    }

    private int[] FindStarts()
    {
        var starts = new SortedSet<int> { 0 };
        foreach (var part in Parts) foreach (var start in part.Starts) starts.Add(start);
        if (_name is not null)
            foreach (var c in _name.Children.Keys)
            {
                starts.Add(c);
                if (c < CharSet.Last) starts.Add(c + 1);
            }
        return [.. starts];
    }
}
