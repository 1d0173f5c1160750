namespace Coppice.Constraints.Masks;

/// <summary>The ways to an end that are known of an automaton's states.</summary>
internal sealed class EndingTable(ByteAutomaton automaton, TokenVocabulary vocabulary)
{
    /// <summary>Pieces of a way, after which it is given up.</summary>
    public const int LongestWay = 10_000;
    private const int MostKept = 1 << 15;

    private readonly Dictionary<MaskKey, EndingText?> _known = [];
    private readonly List<(MaskKey Key, byte[] Text)> _way = [];

    /// <summary>A short way from <paramref name="state"/> to an end; null where none is known.</summary>
    public EndingText? Of(in GrammarState state)
    {
        var at = state with { Log = null };
        var ending = EndingText.Nothing;
        _way.Clear();
        while (!automaton.MayEnd(at))
        {
            var key = automaton.EndingKeyOf(at);
            if (_known.TryGetValue(key, out ending)) break;
            GrammarState after = default;
            var text = _way.Count < LongestWay ? automaton.NextOfEnding(at, out after) : null;
            _way.Add((key, text ?? []));
            ending = text is null ? null : EndingText.Nothing;
            if (text is null || after.Node is null) break;
            at = after;
        }
        if (_known.Count + _way.Count > MostKept) _known.Clear();
        for (var i = _way.Count - 1; i >= 0; i--)
        {
            if (ending is not null) ending = new EndingText(_way[i].Text, ending);
            _known[_way[i].Key] = ending;
        }
        return ending;
    }

    /// <summary>Tokens of that way; int.MaxValue where none is known.</summary>
    public int TokensOf(in GrammarState state) => Of(state)?.Tokens(vocabulary.Trie) ?? int.MaxValue;
}
