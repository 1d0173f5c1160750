using System.Text;
using Coppice.Constraints.Masks;

namespace Coppice.Constraints.Languages;

/// <summary>Texts of one regular language, byte by byte. States without a way to an end are left out.</summary>
internal sealed class TextAutomaton : ByteAutomaton
{
    private const int LongestSearch = 50_000;

    private readonly TextState _start;
    private readonly Dictionary<int, bool> _live = [];

    public TextAutomaton(TextState start, string name)
    {
        _start = start;
        if (!IsLive(start)) throw new ConstraintException($"{name}: must allow some text, found that it allows none.");
    }

    public override GrammarState Start => new(_start, 0, 0, 0);

    public override bool TryStep(in GrammarState state, byte next, bool keepsValues, out GrammarState result)
    {
        result = default;
        var from = (TextState)state.Node;
        var part = Utf8Part.Step(state.Lex, next, out var codePoint);
        if (part < 0) return false;
        var to = part > 0 ? from : from.Next(codePoint);
        result = new GrammarState(to, 0, part, 0);
        return part > 0 ? CanComplete(from, part) : IsLive(to);
    }

    public override bool MayEnd(in GrammarState state) => state.Lex == 0 && ((TextState)state.Node).Accepts;

    public override MaskKey KeyOf(in GrammarState state) => new(((TextState)state.Node).Node.Id, 0, state.Lex, 0);

    public override byte[]? Ending(in GrammarState state)
    {
        var (from, bytes) = ((TextState)state.Node, new List<byte>());
        if (state.Lex != 0)
        {
            // The character that has begun is completed byte by byte.
            var at = state;
            while (at.Lex != 0)
            {
                var next = Enumerable.Range(0x80, 0x40).Select(value => (byte)value).First(value => TryStep(in at, value, false, out _));
                if (!TryStep(in at, next, false, out var after)) return null;
                bytes.Add(next);
                at = after;
            }
            from = (TextState)at.Node;
        }
        return Shortest(from) is { } rest ? [.. bytes, .. Encoding.UTF8.GetBytes(rest)] : null;
    }

    /// <summary>By whole characters: many bytes lead to one place.</summary>
    public override IEnumerable<GrammarState> After(GrammarState state, Writable writable)
    {
        var from = (TextState)state.Node;
        var starts = from.Starts.ToArray();
        for (var i = 0; i < starts.Length; i++)
            if (writable.Characters.Find(starts[i], i + 1 < starts.Length ? starts[i + 1] - 1 : CharSet.Last) is >= 0 and var character
                && from.Next(character) is var next && IsLive(next)) yield return new GrammarState(next, 0, 0, 0);
    }

    private bool CanComplete(TextState from, int part)
    {
        Utf8Part.Range(part, out var low, out var high);
        if (IsLive(from.Next(low))) return true;
        foreach (var start in from.Starts.ToArray())
            if (start > low && start <= high && IsLive(from.Next(start))) return true;
        return false;
    }

    private bool IsLive(TextState state)
    {
        // Without intersections and complements only the empty set itself is empty.
        if (!state.Node.MayHide) return state.Node.Kind != RegexKind.Characters || !state.Node.Set.IsEmpty;
        if (_live.TryGetValue(state.Node.Id, out var known)) return known;
        return _live[state.Node.Id] = Shortest(state) is not null;
    }

    private static string? Shortest(TextState start)
    {
        var texts = new Dictionary<int, string> { [start.Node.Id] = "" };
        var queue = new Queue<TextState>([start]);
        while (queue.TryDequeue(out var state))
        {
            if (state.Accepts) return texts[state.Node.Id];
            if (texts.Count > LongestSearch)
                throw new ConstraintException($"regex: an end must be found within {LongestSearch:N0} states, found none.");
            var starts = state.Starts.ToArray();
            foreach (var codePoint in starts)
            {
                if (codePoint is >= 0xD800 and <= 0xDFFF) continue;
                if (state.Next(codePoint) is var next
                    && texts.TryAdd(next.Node.Id, texts[state.Node.Id] + char.ConvertFromUtf32(codePoint))) queue.Enqueue(next);
            }
        }
        return null;
    }
}
