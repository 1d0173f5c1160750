using Coppice.Constraints.Languages;

namespace Coppice.Constraints.Schemas;

/// <summary>Makes formulas, simplified and shared: equal formulas of one grammar are one object.</summary>
internal sealed class FormulaSpace
{
    /// <summary>Most formulas that one grammar makes before it gives up.</summary>
    public const int Limit = 2_000_000;

    private readonly Dictionary<Key, Formula> _formulas = [];
    private readonly Dictionary<string, ValueSet> _values = new(StringComparer.Ordinal);

    public FormulaSpace()
    {
        True = new ConstantFormula(true) { Id = 0 };
        False = new ConstantFormula(false) { Id = 1 };
    }

    private enum Tag
    {
        And,
        Or,
        One,
        Not,
        Pending,
        Text,
        Literals,
        Length,
        Number,
        Object,
        Array,
        Contains,
        Unique,
        Unevaluated,
    }

    public Formula True { get; }

    public Formula False { get; }

    public Formula Of(bool value) => value ? True : False;

    public Formula And(params IEnumerable<Formula> parts) => Junction(parts, Tag.And, True, False);

    public Formula Or(params IEnumerable<Formula> parts) => Junction(parts, Tag.Or, False, True);

    public Formula Not(Formula part) => part switch
    {
        ConstantFormula constant => Of(!constant.Value),
        NotFormula not => not.Parts[0],
        _ => Intern(new Key(Tag.Not, null, 0, 0, [part.Id], default), () => new NotFormula(part)),
    };

    /// <summary>Exactly one of <paramref name="parts"/>.</summary>
    public Formula One(params IEnumerable<Formula> parts)
    {
        var open = new List<Formula>();
        var refused = new List<Formula>();
        var trues = 0;
        foreach (var part in parts)
        {
            if (part == True) trues++;
            else if (part == False || refused.Contains(part)) continue;
            else if (open.Remove(part)) refused.Add(part);
            else open.Add(part);
        }
        if (trues > 1) return False;
        // A formula that stands there twice must be false.
        if (trues == 1) return And(open.Concat(refused).Select(Not));
        var one = open.Count switch
        {
            0 => False,
            1 => open[0],
            _ => Composite(Tag.One, open, sorted => new OneFormula(sorted)),
        };
        return refused.Count == 0 ? one : And(refused.Select(Not).Append(one));
    }

    public Formula Pending(int index) => Intern(new Key(Tag.Pending, null, index, 0, [], default), () => new PendingFormula(index));

    public Formula Text(TextLanguage language)
    {
        if (language.Start.Node.Kind == RegexKind.Characters && language.Start.Node.Set.IsEmpty) return False;
        return Intern(new Key(Tag.Text, language, 0, 0, [], default), () => new TextFormula(language));
    }

    public Formula Literals(LiteralSet set) =>
        set.Texts.Count == 0 ? False : Intern(new Key(Tag.Literals, set, 0, 0, [], default), () => new LiteralsFormula(set));

    public Formula Length(int least, int most) =>
        least == 0 && most == int.MaxValue ? True : least > most ? False
            : Intern(new Key(Tag.Length, null, least, most, [], default), () => new LengthFormula(least, most));

    public Formula Number(NumberSpec spec) => Intern(new Key(Tag.Number, spec, 0, 0, [], default), () => new NumberFormula(spec));

    public Formula Object(ObjectSpec spec, Bits missing, int count)
    {
        if (count > spec.Most) return False;
        count = spec.Counts ? Math.Min(count, spec.CountCap) : 0;
        if (spec.IsOpen && missing.IsEmpty && spec.Most == int.MaxValue && count >= spec.Least) return True;
        return Intern(new Key(Tag.Object, spec, count, 0, [], missing), () => new ObjectFormula(spec, missing, count));
    }

    public Formula Array(ArraySpec spec, int index)
    {
        if (index > spec.Most) return False;
        index = Math.Min(index, spec.Cap);
        if (spec.Rest is null && spec.Most == int.MaxValue && index >= spec.First.Length && index >= spec.Least) return True;
        return Intern(new Key(Tag.Array, spec, index, 0, [], default), () => new ArrayFormula(spec, index));
    }

    public Formula Contains(ContainsSpec spec, int count)
    {
        if (count > spec.Most) return False;
        if (spec.Most == int.MaxValue && count >= spec.Least) return True;
        return Intern(new Key(Tag.Contains, spec, count, 0, [], default), () => new ContainsFormula(spec, count));
    }

    public Formula Unique(ValueSet? seen, bool waits) =>
        Intern(new Key(Tag.Unique, seen, waits ? 1 : 0, 0, [], default), () => new UniqueFormula(seen, waits));

    public Formula Unevaluated(SchemaNode schema, bool items, int index, (Formula When, SchemaNode Looks)[] others)
    {
        var open = others.Where(other => other.When != False).ToArray();
        var ids = new int[open.Length * 2];
        for (var i = 0; i < open.Length; i++) (ids[2 * i], ids[(2 * i) + 1]) = (open[i].When.Id, open[i].Looks.Id);
        return Intern(new Key(Tag.Unevaluated, schema, items ? 1 : 0, index, ids, default), () =>
            new UnevaluatedFormula(schema, items, index, open));
    }

    /// <summary>The set of <paramref name="values"/>, in canonical form.</summary>
    public ValueSet Values(IEnumerable<string> values)
    {
        var texts = values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToArray();
        var key = string.Join('\n', texts);
        if (!_values.TryGetValue(key, out var set)) _values[key] = set = new ValueSet(_values.Count, texts);
        return set;
    }

    private Formula Junction(IEnumerable<Formula> parts, Tag tag, Formula neutral, Formula absorbing)
    {
        var flat = new List<Formula>();
        if (!Flatten(parts)) return absorbing;
        return flat.Count switch
        {
            0 => neutral,
            1 => flat[0],
            _ => Composite(tag, flat, sorted => tag == Tag.And ? new AndFormula(sorted) : new OrFormula(sorted)),
        };

        bool Flatten(IEnumerable<Formula> list)
        {
            foreach (var part in list)
            {
                if (part == absorbing) return false;
                if (part == neutral) continue;
                if (tag == Tag.And ? part is AndFormula : part is OrFormula)
                {
                    if (!Flatten(((CompositeFormula)part).Parts)) return false;
                    continue;
                }
                if (flat.Contains(part)) continue;
                if (flat.Exists(other => AreOpposite(other, part))) return false;
                flat.Add(part);
            }
            return true;
        }
    }

    private static bool AreOpposite(Formula a, Formula b) =>
        (a is NotFormula not && not.Parts[0] == b) || (b is NotFormula other && other.Parts[0] == a);

    private Formula Composite(Tag tag, List<Formula> parts, Func<Formula[], Formula> make)
    {
        var sorted = parts.OrderBy(part => part.Id).ToArray();
        return Intern(new Key(tag, null, 0, 0, System.Array.ConvertAll(sorted, part => part.Id), default), () => make(sorted));
    }

    private Formula Intern(Key key, Func<Formula> make)
    {
        if (_formulas.TryGetValue(key, out var known)) return known;
        if (_formulas.Count >= Limit) throw new ConstraintException($"schema: must need at most {Limit:N0} states, found more.");
        var formula = make();
        formula.Id = _formulas.Count + 2;
        return _formulas[key] = formula;
    }

    private readonly record struct Key(Tag Tag, object? Of, int A, int B, int[] Parts, Bits Bits)
    {
        public bool Equals(Key other) => Tag == other.Tag && A == other.A && B == other.B && Equals(Of, other.Of)
            && Parts.AsSpan().SequenceEqual(other.Parts) && Bits.Equals(other.Bits);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            hash.Add(Tag);
            hash.Add(Of);
            hash.Add(A);
            hash.Add(B);
            foreach (var part in Parts) hash.Add(part);
            hash.Add(Bits.GetHashCode());
            return hash.ToHashCode();
        }
    }
}
