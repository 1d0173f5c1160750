using System.Text;
using Coppice.Constraints.Languages;
using Coppice.Constraints.Masks;

namespace Coppice.Constraints.Grammars;

/// <summary>Texts of a context-free grammar, byte by byte. Left recursion and ambiguity are allowed.</summary>
internal sealed class EarleyAutomaton : ByteAutomaton
{
    private const int MostSets = 500_000, LongestEnding = 20_000;

    private readonly GrammarNetwork _network;
    private readonly Dictionary<string, EarleySet> _sets = new(StringComparer.Ordinal);
    private readonly Dictionary<int, IReadOnlyList<EarleyItem>> _kernels = [];
    private readonly EarleySet _start;
    private int _ids;

    public EarleyAutomaton(GrammarNetwork network)
    {
        _network = network;
        _start = new EarleySet(_ids++, network, [], isStart: true);
    }

    public override GrammarState Start => new(_start, 0, 0, 0);

    public override bool TryStep(in GrammarState state, byte next, bool keepsValues, out GrammarState result)
    {
        result = default;
        var set = (EarleySet)state.Node;
        var part = Utf8Part.Step(state.Lex, next, out var codePoint);
        if (part < 0) return false;
        if (part > 0)
        {
            result = new GrammarState(set, 0, part, 0);
            return CanComplete(set, part);
        }
        var after = Next(set, codePoint);
        if (after is null) return false;
        result = new GrammarState(after, 0, 0, 0);
        return true;
    }

    public override bool TryToken(in GrammarState state, int token, out GrammarState result)
    {
        result = default;
        if (state.Lex != 0) return false;
        var kernel = new List<EarleyItem>();
        var set = (EarleySet)state.Node;
        foreach (var item in set.Items)
            foreach (var edge in _network.Edges(item.State))
                if (edge.Token is { } wanted && wanted.Ids.Contains(token) != wanted.IsNegated)
                    kernel.Add(new EarleyItem(edge.Target, item.Origin ?? set));
        if (kernel.Count == 0) return false;
        result = new GrammarState(SetOf(kernel), 0, 0, 0);
        return true;
    }

    public override bool TakesTokens(in GrammarState state)
    {
        if (state.Lex != 0) return false;
        foreach (var item in ((EarleySet)state.Node).Items)
            foreach (var edge in _network.Edges(item.State))
                if (edge.Token is not null) return true;
        return false;
    }

    public override GrammarState Union(in GrammarState left, in GrammarState right)
    {
        // A token that stands for itself and for its bytes: both ways stay open.
        if (left.Lex != 0 || right.Lex != 0) return left;
        var kernels = _kernels[((EarleySet)left.Node).Id].Concat(_kernels[((EarleySet)right.Node).Id]);
        return new GrammarState(SetOf([.. kernels.Distinct()]), 0, 0, 0);
    }

    public override bool MayEnd(in GrammarState state) => state.Lex == 0 && ((EarleySet)state.Node).MayEnd;

    public override MaskKey KeyOf(in GrammarState state) => new(((EarleySet)state.Node).Id, 0, state.Lex, 0);

    public override void Fill(in GrammarState state, MaskBuilder mask)
    {
        mask.Walk(mask.Vocabulary.Trie, state);
        if (state.Lex != 0) return;
        foreach (var item in ((EarleySet)state.Node).Items)
            foreach (var edge in _network.Edges(item.State))
                if (edge.Token is { } token) AllowTokens(token, mask);
    }

    /// <summary>Rules may nest without end, so what is looked at is not places of texts but the rules.</summary>
    public override bool? CanDoWithout(byte[] missing, TokenVocabulary vocabulary) =>
        _network.AllowsText(new WritableCharacters(missing, inStrings: false).HasAny);

    public override byte[]? Ending(in GrammarState state)
    {
        if (state.Lex != 0) return PartEnding(state);
        var (set, text) = ((EarleySet)state.Node, new StringBuilder());
        while (!set.MayEnd)
        {
            var (best, cost) = (-1, long.MaxValue);
            foreach (var item in set.Items)
                foreach (var edge in _network.Edges(item.State))
                {
                    if (edge.Set is null || edge.Set.IsEmpty) continue;
                    var rest = Cost(new EarleyItem(edge.Target, item.Origin ?? set), []);
                    if (rest < cost) (best, cost) = (edge.Set.Bounds[0], rest);
                }
            if (best < 0 || text.Length > LongestEnding) return null;
            text.Append(char.ConvertFromUtf32(best));
            set = Next(set, best)!;
        }
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    private static void AllowTokens(GrammarExpression.Token token, MaskBuilder mask)
    {
        if (!token.IsNegated)
        {
            foreach (var id in token.Ids) mask.Allow(id);
            return;
        }
        for (var id = 0; id < mask.Vocabulary.Count; id++)
            if (!token.Ids.Contains(id) && !mask.Vocabulary.IsEnd(id)) mask.Allow(id);
    }

    private byte[]? PartEnding(in GrammarState state)
    {
        for (var value = 0x80; value < 0xC0; value++)
            if (TryStep(state, (byte)value, false, out var next) && Ending(next) is { } rest) return [(byte)value, .. rest];
        return null;
    }

    /// <summary>The least number of characters from an item to the end of the text.</summary>
    private long Cost(EarleyItem item, HashSet<(int Rule, int Set)> open)
    {
        var own = (long)_network.Costs[item.State];
        var rule = _network.Owner(item.State);
        var origin = item.Origin!;
        if (rule == _network.Root && origin.IsStart) return own;
        if (!open.Add((rule, origin.Id))) return long.MaxValue / 2;
        var least = long.MaxValue / 2;
        foreach (var after in origin.Waiting(rule))
            least = Math.Min(least, Cost(after.Origin is null ? after with { Origin = origin } : after, open));
        open.Remove((rule, origin.Id));
        return Math.Min(own + least, long.MaxValue / 2);
    }

    private bool CanComplete(EarleySet set, int part)
    {
        Utf8Part.Range(part, out var low, out var high);
        foreach (var item in set.Items)
            foreach (var edge in _network.Edges(item.State))
            {
                if (edge.Set is null) continue;
                for (var i = 0; i < edge.Set.Bounds.Length; i += 2)
                    if (edge.Set.Bounds[i] <= high && edge.Set.Bounds[i + 1] >= low) return true;
            }
        return false;
    }

    private EarleySet? Next(EarleySet set, int codePoint)
    {
        if (set.Next.TryGetValue(codePoint, out var known)) return known;
        var kernel = new List<EarleyItem>();
        foreach (var item in set.Items)
            foreach (var edge in _network.Edges(item.State))
                if (edge.Set is not null && edge.Set.Contains(codePoint)) kernel.Add(new EarleyItem(edge.Target, item.Origin ?? set));
        return set.Next[codePoint] = kernel.Count == 0 ? null : SetOf(kernel);
    }

    private EarleySet SetOf(List<EarleyItem> kernel)
    {
        var key = string.Join(',', kernel.Select(item => ((long)item.State << 32) | (uint)item.Origin!.Id).Distinct().Order());
        if (_sets.TryGetValue(key, out var known)) return known;
        if (_sets.Count >= MostSets)
            throw new ConstraintException($"grammar: must lead to at most {MostSets:N0} different places, found more.");
        var set = new EarleySet(_ids++, _network, kernel, isStart: false);
        _kernels[set.Id] = kernel;
        return _sets[key] = set;
    }
}
