using Coppice.Constraints.Masks;

namespace Coppice.Constraints.Frames;

/// <summary>Fixed texts with values of other automata in them.</summary>
/// <param name="trie">Made the places of the texts.</param>
/// <param name="start">Before the first text.</param>
/// <param name="values">The automata of the values.</param>
/// <param name="afterValue">For each value the texts that may follow it.</param>
internal sealed class FrameAutomaton(FrameTrie trie, FrameNode start, ByteAutomaton[] values, FrameNode[] afterValue) : ByteAutomaton
{
    private readonly Dictionary<(int Value, object Node), Place> _places = [];
    private readonly Dictionary<(int Value, int Node), int> _keys = [];
    private readonly Func<GrammarState, GrammarState>?[] _wraps = new Func<GrammarState, GrammarState>?[values.Length];

    public override GrammarState Start => new(start, 0, 0, 0);

    public override int Unknowns => values.Sum(value => value.Unknowns);

    public override bool TryStep(in GrammarState state, byte next, bool keepsValues, out GrammarState result)
    {
        result = default;
        if (state.Node is FrameNode node)
        {
            if (node.Next.TryGetValue(next, out var found))
            {
                result = Enter(found);
                return true;
            }
            // A value may begin where a text could go on.
            return node.BeginsValue && StepValue(node.Target, values[node.Target].Start, next, keepsValues, ref result);
        }
        var (place, inner) = Inner(state);
        if (values[place.Value].MayEnd(inner) && afterValue[place.Value].Next.TryGetValue(next, out var following))
        {
            result = Enter(following);
            return true;
        }
        return StepValue(place.Value, inner, next, keepsValues, ref result);
    }

    public override bool TryToken(in GrammarState state, int token, out GrammarState result)
    {
        result = default;
        if (TextsAt(state) is not { } node || !node.Next.TryGetValue(FrameTrie.SymbolOf(token), out var next)) return false;
        result = Enter(next);
        return true;
    }

    public override bool TakesTokens(in GrammarState state) =>
        TextsAt(state) is { } node && node.Next.Keys.Any(symbol => FrameTrie.IsToken(symbol, out _));

    public override bool MayEnd(in GrammarState state) => TextsAt(state) is { MayEnd: true };

    public override MaskKey KeyOf(in GrammarState state) => KeyOf(state, forEnding: false);

    private MaskKey KeyOf(in GrammarState state, bool forEnding)
    {
        if (state.Node is FrameNode node) return new MaskKey(node.Id, 0, 0, 0);
        var (place, inner) = Inner(state);
        var value = values[place.Value];
        var key = forEnding ? value.EndingKeyOf(inner) : value.KeyOf(inner);
        if (!_keys.TryGetValue((place.Value, key.Node), out var id)) _keys[(place.Value, key.Node)] = id = trie.Count + _keys.Count;
        return new MaskKey(id, key.Mode, key.Lex, key.Count);
    }

    public override void Fill(in GrammarState state, MaskBuilder mask)
    {
        if (state.Node is Place && TextsAt(state) is null)
        {
            // Inside a value it is the value's automaton that knows how its strings are best walked.
            var (place, inner) = Inner(state);
            mask.Outer = _wraps[place.Value] ??= after => Wrap(place.Value, after);
            values[place.Value].Fill(inner, mask);
            mask.Outer = null;
            return;
        }
        base.Fill(state, mask);
        if (TextsAt(state) is not { } node) return;
        foreach (var symbol in node.Next.Keys)
            if (FrameTrie.IsToken(symbol, out var token)) mask.Allow(token);
    }

    public override Lexeme? LexemeAt(in GrammarState state) =>
        state.Node is Place place ? values[place.Value].LexemeAt(Inner(state).Inner) : null;

    public override byte[]? Ending(in GrammarState state)
    {
        if (state.Node is FrameNode node) return Ending(node);
        var (place, inner) = Inner(state);
        return values[place.Value].Ending(inner) is { } rest ? Join(rest, Ending(afterValue[place.Value])) : null;
    }

    public override byte[]? NextOfEnding(in GrammarState state, out GrammarState after)
    {
        after = default;
        if (state.Node is FrameNode node) return Ending(node);
        var (place, inner) = Inner(state);
        if (values[place.Value].MayEnd(inner)) return Ending(afterValue[place.Value]);
        var text = values[place.Value].NextOfEnding(inner, out var next);
        if (text is null) return null;
        if (next.Node is null) return Join(text, Ending(afterValue[place.Value]));
        after = Wrap(place.Value, next);
        return text;
    }

    public override MaskKey EndingKeyOf(in GrammarState state) => KeyOf(state, forEnding: true);

    public override bool IsSecondSpelling(in GrammarState state, byte value)
    {
        if (state.Node is FrameNode) return false;
        var (place, inner) = Inner(state);
        return values[place.Value].IsSecondSpelling(inner, value);
    }

    public override IEnumerable<GrammarState> After(GrammarState state, Writable writable)
    {
        if (state.Node is FrameNode || TextsAt(state) is not null) return base.After(state, writable);
        var (place, inner) = Inner(state);
        return values[place.Value].After(inner, writable).Select(next => Wrap(place.Value, next));
    }

    private static byte[]? Join(byte[] first, byte[]? second) => second is null ? null : [.. first, .. second];

    private bool StepValue(int value, in GrammarState inner, byte next, bool keepsValues, ref GrammarState result)
    {
        if (!values[value].TryStep(inner, next, keepsValues, out var stepped)) return false;
        result = Wrap(value, stepped);
        return true;
    }

    /// <summary>A text that has led to a value leads into it, unless another text goes on from there.</summary>
    private GrammarState Enter(FrameNode node) =>
        node.BeginsValue && node.Next.Count == 0 ? Wrap(node.Target, values[node.Target].Start) : new GrammarState(node, 0, 0, 0);

    /// <summary>The fixed texts that may come at <paramref name="state"/>; null within a value that cannot end.</summary>
    private FrameNode? TextsAt(in GrammarState state)
    {
        if (state.Node is FrameNode node) return node;
        var (place, inner) = Inner(state);
        return values[place.Value].MayEnd(inner) ? afterValue[place.Value] : null;
    }

    /// <summary>The shortest way to the end: the text with the fewest symbols, then the value, and so on.</summary>
    private byte[]? Ending(FrameNode from)
    {
        var queue = new Queue<(FrameNode Node, byte[] Text)>([(from, [])]);
        while (queue.TryDequeue(out var at))
        {
            if (at.Node.MayEnd) return at.Text;
            if (at.Node.BeginsValue && values[at.Node.Target] is var value && value.Ending(value.Start) is { } inner)
                return Join([.. at.Text, .. inner], ClosingOf(afterValue[at.Node.Target]));
            foreach (var (symbol, next) in at.Node.Next)
                queue.Enqueue((next, FrameTrie.IsToken(symbol, out _) ? at.Text : [.. at.Text, (byte)symbol]));
        }
        return null;
    }

    /// <summary>The text that ends everything after a value, without another value.</summary>
    private static byte[]? ClosingOf(FrameNode from)
    {
        var queue = new Queue<(FrameNode Node, byte[] Text)>([(from, [])]);
        while (queue.TryDequeue(out var at))
        {
            if (at.Node.MayEnd) return at.Text;
            foreach (var (symbol, next) in at.Node.Next)
                queue.Enqueue((next, FrameTrie.IsToken(symbol, out _) ? at.Text : [.. at.Text, (byte)symbol]));
        }
        return null;
    }

    private GrammarState Wrap(int value, in GrammarState inner)
    {
        if (!_places.TryGetValue((value, inner.Node), out var place)) _places[(value, inner.Node)] = place = new Place(value, inner.Node);
        return new GrammarState(place, inner.Mode, inner.Lex, inner.Count, inner.Log);
    }

    private static (Place Place, GrammarState Inner) Inner(in GrammarState state)
    {
        var place = (Place)state.Node;
        return (place, new GrammarState(place.Node, state.Mode, state.Lex, state.Count, state.Log));
    }

    /// <summary>A node of one value's automaton.</summary>
    private sealed record Place(int Value, object Node);
}
