using System.Buffers;
using System.Text;
using Coppice.Constraints.Languages;
using Coppice.Constraints.Masks;

namespace Coppice.Constraints.Schemas;

/// <content>Ways to an end.</content>
internal sealed partial class SchemaAutomaton
{
    private static readonly SearchValues<byte> NumberBytes = SearchValues.Create("0123456789+-.eE"u8);

    public override byte[]? Ending(in GrammarState state)
    {
        var text = new List<byte>();
        var at = state with { Log = null };
        for (var steps = 0; !MayEnd(at); steps++)
        {
            if (steps > EndingTable.LongestWay || NextOfEnding(at, out var after) is not { } more) return null;
            text.AddRange(more);
            at = after;
        }
        return [.. text];
    }

    public override byte[]? NextOfEnding(in GrammarState state, out GrammarState after)
    {
        var from = state with { Log = null };
        var text = NextText(from, out after);
        if (text is not null && _isSpaced) text = Spaced(from, text);
        return text is null || (after.Node is null && !TryFollow(from, text, out after)) ? null : text;
    }

    /// <summary>White space does not lengthen the way to an end, and lengths of strings count up to the last that matters.</summary>
    public override MaskKey EndingKeyOf(in GrammarState state) => (Mode)state.Mode switch
    {
        Mode.String => new MaskKey(((Slot)state.Node).Id, state.Mode, state.Lex, ((Slot)state.Node).String.Normalized(state.Count)),
        Mode.Key or Mode.Number or Mode.Word or Mode.End => KeyOf(state),
        _ => new MaskKey(state.Node is Slot slot ? slot.Id : ((Frame)state.Node).Id, state.Mode, 0, NeedsSpace(state) ? 1 : 0),
    };

    /// <summary>In strings and names by whole characters: many spellings lead to one place.</summary>
    public override IEnumerable<GrammarState> After(GrammarState state, Writable writable)
    {
        var lexer = LexemeAt(state)?.Lexer;
        if (lexer?.IsBetween(state.Lex) == true) return AfterCharacter(state, lexer, writable);
        var slot = (Mode)state.Mode switch
        {
            Mode.Value when !NeedsSpace(state) => (Slot)state.Node,
            Mode.ArrayOpen => ((Frame)state.Node).NextItem(),
            _ => null,
        };
        if (slot?.Wanted is not { } wanted || writable.Missing.AsSpan().IndexOfAny(NumberBytes) >= 0) return base.After(state, writable);
        // Where every number can be written, all that matters is which there are.
        return base.After(state, writable).Where(next => (Mode)next.Mode != Mode.Number).Concat(AfterNumbers(slot, wanted));
    }

    private IEnumerable<GrammarState> AfterNumbers(Slot slot, ulong[] wanted)
    {
        var formulas = slot.Formulas(ValueKind.Number);
        foreach (var truths in wanted)
            if (Satisfier.OfKind(All(formulas, truths), ValueKind.Number).IsPossible
                && Enter(slot, slot.Outcome(truths), null, out var after)) yield return after;
    }

    private IEnumerable<GrammarState> AfterCharacter(GrammarState state, StringLexer lexer, Writable writable)
    {
        var from = lexer.State(state.Lex);
        var starts = from.Starts.ToArray();
        for (var i = 0; i < starts.Length; i++)
        {
            var character = writable.InStrings.Find(starts[i], i + 1 < starts.Length ? starts[i + 1] - 1 : CharSet.Last);
            if (character < 0) continue;
            var next = state with { Lex = lexer.Between(from.Next(character)), Count = state.Node is Slot ? state.Count + 1 : 0 };
            if (state.Node is Slot slot ? slot.String.IsLive(next.Lex, next.Count) : ((Frame)state.Node).KeyIsLive(next.Lex))
                yield return next;
        }
        if (!writable.Missing.Contains((byte)'"') && TryStep(state, (byte)'"', keepsValues: false, out var closed)) yield return closed;
    }

    private bool TryFollow(in GrammarState state, byte[] text, out GrammarState after)
    {
        after = state;
        foreach (var value in text)
        {
            var at = after;
            if (!TryStep(in at, value, keepsValues: false, out after)) return false;
        }
        return true;
    }

    /// <summary><paramref name="text"/>, which is compact, with a space after each comma and colon.</summary>
    private byte[] Spaced(in GrammarState state, byte[] text)
    {
        var spaced = new List<byte>();
        if (NeedsSpace(state)) spaced.Add((byte)' ');
        var (isInString, isEscaped) = ((Mode)state.Mode is Mode.String or Mode.Key, false);
        foreach (var value in text)
        {
            spaced.Add(value);
            if (isEscaped) isEscaped = false;
            else if (isInString && value == '\\') isEscaped = true;
            else if (value == '"') isInString = !isInString;
            else if (!isInString && value is (byte)',' or (byte)':') spaced.Add((byte)' ');
        }
        return [.. spaced];
    }

    /// <summary>
    /// Bytes that bring the text nearer to its end: the rest of what is being read, or the last members of what is around it. The state
    /// after them is given where it is known without reading them.
    /// </summary>
    private byte[]? NextText(in GrammarState state, out GrammarState after)
    {
        after = default;
        switch ((Mode)state.Mode)
        {
            case Mode.Value: return ValueText((Slot)state.Node, out after);
            case Mode.ArrayOpen or Mode.ObjectOpen: return Members((Frame)state.Node, "", out after);
            case Mode.AfterItem or Mode.AfterMember: return Members((Frame)state.Node, ",", out after);
            case Mode.AfterComma: return "\""u8.ToArray();
            case Mode.AfterKey: return ":"u8.ToArray();
            case Mode.Key: return KeyEnding((Frame)state.Node, state.Lex, out after);
            case Mode.String: return ((Slot)state.Node).String.Ending(state.Lex, state.Count);
            case Mode.Number:
                // The number's digits, and whatever ends it.
                var slot = (Slot)state.Node;
                if (slot.NumberEnding(state.Lex) is not { } digits) return null;
                if (digits.Length > 0 || slot.Parent is null) return Encoding.UTF8.GetBytes(digits);
                return slot.NumberOutcome(state.Lex, null) is Frame frame ? Members(frame, ",", out after) : null;
            default: return Words[state.Lex >> 3][(state.Lex & 7)..];
        }
    }

    private byte[]? ValueText(Slot slot, out GrammarState after)
    {
        var (best, met) = ((string?)null, 0UL);
        after = default;
        if (slot.Wanted is not { } wanted)
        {
            foreach (var kind in Satisfier.Kinds)
                if (slot.ValueOf(kind).Text is { } text && (best is null || text.Length < best.Length)) best = text;
            return best is null ? null : Encoding.UTF8.GetBytes(best);
        }
        foreach (var truths in wanted)
            if (Satisfier.Value(slot.Demands, truths).Text is { } text && (best is null || text.Length < best.Length))
                (best, met) = (text, truths);
        return best is not null && Enter(slot, slot.Outcome(met), null, out after) ? Encoding.UTF8.GetBytes(best) : null;
    }

    /// <summary>The last members and the bracket.</summary>
    private static byte[]? Members(Frame frame, string comma, out GrammarState after)
    {
        var close = frame.Kind == ValueKind.Object ? "}" : "]";
        if (frame.Completion.Text is not { } text)
            return Enter(frame.Slot, frame.Close(null), null, out after) ? Encoding.UTF8.GetBytes(close) : null;
        after = default;
        // Where the place around it wants one thing only, that is what the members lead to.
        if (frame.Slot.Wanted is [var truths]) Enter(frame.Slot, frame.Slot.Outcome(truths), null, out after);
        return Encoding.UTF8.GetBytes(text.Length == 0 ? close : $"{comma}{text}{close}");
    }

    private static byte[]? KeyEnding(Frame frame, int lex, out GrammarState after)
    {
        after = default;
        var lexer = frame.Keys!.Lexer;
        // A name that the object needs brings the end nearer; another one may lead it away.
        var needed = frame.Completion.Text ?? "";
        if (lex == lexer.Start && needed.Length > 1) return Members(frame, "", out after)?[1..];
        if (!lexer.IsBetween(lex)) return StringGoal.ByteThatLeads(lexer, lex, frame.KeyIsLive);
        var start = lexer.State(lex);
        return (needed.Length > 1 ? ShortestKey(start, state => IsNeeded(frame, state, needed)) : null)
            ?? ShortestKey(start, state => frame.Member(state) is not null);
    }

    private static bool IsNeeded(Frame frame, ClassifierState state, string needed) => state.Name >= 0
        && needed.Contains($"{CanonicalJson.Quoted(frame.Keys!.Classifier.Names.Names[state.Name])}:", StringComparison.Ordinal)
            && frame.Member(state) is not null;

    private static byte[]? ShortestKey(ClassifierState start, Func<ClassifierState, bool> isGood)
    {
        if (isGood(start)) return StringGoal.Closing("");
        var texts = new Dictionary<int, string> { [start.Id] = "" };
        var queue = new Queue<ClassifierState>([start]);
        while (queue.TryDequeue(out var state) && texts.Count < 5_000)
        {
            if (isGood(state)) return StringGoal.Closing(texts[state.Id]);
            foreach (var codePoint in StringGoal.Choices(state))
                if (state.Next(codePoint) is var next && texts.TryAdd(next.Id, texts[state.Id] + char.ConvertFromUtf32(codePoint)))
                    queue.Enqueue(next);
        }
        return null;
    }
}
