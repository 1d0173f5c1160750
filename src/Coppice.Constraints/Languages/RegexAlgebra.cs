namespace Coppice.Constraints.Languages;

/// <summary>
/// Makes regular expressions and their derivatives (Brzozowski, "Derivatives of regular expressions", 1964). Expressions are simplified
/// and shared, so equal ones are one object and the set of derivatives of an expression is finite.
/// </summary>
internal sealed class RegexAlgebra
{
    /// <summary>Most expressions that one algebra makes before it gives up.</summary>
    public const int Limit = 400_000;

    private readonly Dictionary<Key, RegexNode> _nodes = [];
    private readonly Dictionary<(int Node, int CodePoint), RegexNode> _derivatives = [];

    public RegexAlgebra()
    {
        Nothing = Make(RegexKind.Characters, CharSet.None, [], 0, 0);
        Empty = Make(RegexKind.Empty, CharSet.None, [], 0, 0);
        AnyCharacter = Characters(CharSet.All);
        Anything = Repeat(AnyCharacter, 0, int.MaxValue);
    }

    /// <summary>The language without any text.</summary>
    public RegexNode Nothing { get; }

    /// <summary>The language of the empty text.</summary>
    public RegexNode Empty { get; }

    /// <summary>One character, whichever.</summary>
    public RegexNode AnyCharacter { get; }

    /// <summary>Every text.</summary>
    public RegexNode Anything { get; }

    /// <summary>One character of <paramref name="set"/>.</summary>
    public RegexNode Characters(CharSet set) => Make(RegexKind.Characters, set, [], 0, 0);

    /// <summary>Exactly <paramref name="text"/>.</summary>
    public RegexNode Literal(string text)
    {
        var result = Empty;
        var runes = text.EnumerateRunes().ToArray();
        for (var i = runes.Length - 1; i >= 0; i--) result = Sequence(Characters(new CharSet(runes[i].Value, runes[i].Value)), result);
        return result;
    }

    /// <summary>One of <paramref name="texts"/>, common beginnings shared.</summary>
    public RegexNode Literals(IEnumerable<string> texts)
    {
        var sorted = texts.Distinct(StringComparer.Ordinal).Select(text => text.EnumerateRunes().Select(rune => rune.Value).ToArray())
            .ToArray();
        Array.Sort(sorted, (a, b) => a.AsSpan().SequenceCompareTo(b));
        return Shared(sorted, 0);
    }

    /// <summary><paramref name="left"/>, then <paramref name="right"/>.</summary>
    public RegexNode Sequence(RegexNode left, RegexNode right)
    {
        if (left == Nothing || right == Nothing) return Nothing;
        if (left == Empty) return right;
        if (right == Empty) return left;
        if (left.Kind == RegexKind.Sequence) return Sequence(left.Parts[0], Sequence(left.Parts[1], right));
        if (left == Anything && right == Anything) return Anything;
        return Make(RegexKind.Sequence, CharSet.None, [left, right], 0, 0);
    }

    /// <summary>One of <paramref name="parts"/>.</summary>
    public RegexNode Either(params ReadOnlySpan<RegexNode> parts)
    {
        var flat = new List<RegexNode>(parts.Length);
        CharSet? set = null;
        foreach (var part in parts) Flatten(part);
        if (set is { IsEmpty: false }) flat.Add(Characters(set));
        if (flat.Contains(Anything)) return Anything;
        return Combined(RegexKind.Either, flat, Nothing);

        void Flatten(RegexNode part)
        {
            if (part.Kind == RegexKind.Either) foreach (var inner in part.Parts) Flatten(inner);
            else if (part.Kind == RegexKind.Characters) set = set is null ? part.Set : set.Union(part.Set);
            else flat.Add(part);
        }
    }

    /// <summary>What all of <paramref name="parts"/> hold.</summary>
    public RegexNode Both(params ReadOnlySpan<RegexNode> parts)
    {
        var flat = new List<RegexNode>(parts.Length);
        foreach (var part in parts) Flatten(part);
        if (flat.Contains(Nothing)) return Nothing;
        if (flat.Contains(Empty)) return flat.TrueForAll(part => part.HoldsEmpty) ? Empty : Nothing;
        return Combined(RegexKind.Both, flat, Anything);

        void Flatten(RegexNode part)
        {
            if (part.Kind == RegexKind.Both) foreach (var inner in part.Parts) Flatten(inner);
            else if (part != Anything) flat.Add(part);
        }
    }

    /// <summary>Every text that <paramref name="part"/> does not hold.</summary>
    public RegexNode Complement(RegexNode part)
    {
        if (part == Nothing) return Anything;
        if (part == Anything) return Nothing;
        return part.Kind == RegexKind.Complement ? part.Parts[0] : Make(RegexKind.Complement, CharSet.None, [part], 0, 0);
    }

    /// <summary>
    /// <paramref name="part"/> from <paramref name="least"/> to <paramref name="most"/> times; int.MaxValue means without end.
    /// </summary>
    public RegexNode Repeat(RegexNode part, int least, int most)
    {
        if (most == 0 || part == Empty) return Empty;
        if (part == Nothing) return least == 0 ? Empty : Nothing;
        if (least == 1 && most == 1) return part;
        if (part.HoldsEmpty) least = 0;
        if (part.Kind == RegexKind.Repeat && part.Least <= 1 && part.Most == int.MaxValue && least <= 1)
            return Repeat(part.Parts[0], Math.Min(part.Least, least), int.MaxValue);
        return Make(RegexKind.Repeat, CharSet.None, [part], least, most);
    }

    /// <summary>What may follow <paramref name="codePoint"/> in <paramref name="node"/>.</summary>
    public RegexNode Derivative(RegexNode node, int codePoint)
    {
        switch (node.Kind)
        {
            case RegexKind.Empty: return Nothing;
            case RegexKind.Characters: return node.Set.Contains(codePoint) ? Empty : Nothing;
        }
        if (_derivatives.TryGetValue((node.Id, codePoint), out var known)) return known;
        var result = node.Kind switch
        {
            RegexKind.Sequence => AfterSequence(node, codePoint),
            RegexKind.Either => Either(Derivatives(node, codePoint)),
            RegexKind.Both => Both(Derivatives(node, codePoint)),
            RegexKind.Complement => Complement(Derivative(node.Parts[0], codePoint)),
            _ => Sequence(Derivative(node.Parts[0], codePoint), Fewer(node)),
        };
        if (_derivatives.Count > Limit) _derivatives.Clear();
        return _derivatives[(node.Id, codePoint)] = result;
    }

    /// <summary>Adds the sets that decide which derivative of <paramref name="node"/> a character leads to.</summary>
    public static void FirstSets(RegexNode node, HashSet<CharSet> sets)
    {
        switch (node.Kind)
        {
            case RegexKind.Characters:
                sets.Add(node.Set);
                break;
            case RegexKind.Sequence:
                FirstSets(node.Parts[0], sets);
                if (node.Parts[0].HoldsEmpty) FirstSets(node.Parts[1], sets);
                break;
            default:
                foreach (var part in node.Parts) FirstSets(part, sets);
                break;
        }
    }

    private RegexNode AfterSequence(RegexNode node, int codePoint)
    {
        var first = Sequence(Derivative(node.Parts[0], codePoint), node.Parts[1]);
        return node.Parts[0].HoldsEmpty ? Either(first, Derivative(node.Parts[1], codePoint)) : first;
    }

    private RegexNode[] Derivatives(RegexNode node, int codePoint) => Array.ConvertAll(node.Parts, part => Derivative(part, codePoint));

    private RegexNode Fewer(RegexNode node) =>
        Repeat(node.Parts[0], Math.Max(node.Least - 1, 0), node.Most == int.MaxValue ? int.MaxValue : node.Most - 1);

    private RegexNode Shared(ReadOnlySpan<int[]> sorted, int depth)
    {
        var branches = new List<RegexNode>();
        for (var start = 0; start < sorted.Length;)
        {
            if (sorted[start].Length == depth)
            {
                branches.Add(Empty);
                start++;
                continue;
            }
            var (first, end) = (sorted[start][depth], start + 1);
            while (end < sorted.Length && sorted[end][depth] == first) end++;
            branches.Add(Sequence(Characters(new CharSet(first, first)), Shared(sorted[start..end], depth + 1)));
            start = end;
        }
        return Either([.. branches]);
    }

    private RegexNode Combined(RegexKind kind, List<RegexNode> parts, RegexNode neutral)
    {
        if (parts.Count == 0) return neutral;
        if (parts.Count == 1) return parts[0];
        var distinct = parts.DistinctBy(part => part.Id).OrderBy(part => part.Id).ToArray();
        return distinct.Length == 1 ? distinct[0] : Make(kind, CharSet.None, distinct, 0, 0);
    }

    private RegexNode Make(RegexKind kind, CharSet set, RegexNode[] parts, int least, int most)
    {
        var key = new Key(kind, set, parts, least, most);
        if (_nodes.TryGetValue(key, out var known)) return known;
        if (_nodes.Count >= Limit)
            throw new ConstraintException($"regex: must need at most {Limit:N0} states, found more (make repetitions shorter).");
        return _nodes[key] = new RegexNode
        {
            Id = _nodes.Count,
            Kind = kind,
            Set = set,
            Parts = parts,
            Least = least,
            Most = most,
            HoldsEmpty = kind switch
            {
                RegexKind.Empty => true,
                RegexKind.Characters => false,
                RegexKind.Either => parts.Any(part => part.HoldsEmpty),
                RegexKind.Complement => !parts[0].HoldsEmpty,
                RegexKind.Repeat => least == 0 || parts[0].HoldsEmpty,
                _ => parts.All(part => part.HoldsEmpty),
            },
            MayHide = kind is RegexKind.Both or RegexKind.Complement || parts.Any(part => part.MayHide),
        };
    }

    private readonly record struct Key(RegexKind Kind, CharSet Set, RegexNode[] Parts, int Least, int Most)
    {
        public bool Equals(Key other) => Kind == other.Kind && Least == other.Least && Most == other.Most
            && Set.Equals(other.Set) && Parts.AsSpan().SequenceEqual(other.Parts);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            hash.Add((Kind, Set, Least, Most));
            foreach (var part in Parts) hash.Add(part.Id);
            return hash.ToHashCode();
        }
    }
}
