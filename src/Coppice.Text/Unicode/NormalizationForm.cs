namespace Coppice.Text.Unicode;

/// <summary>One of the four normalization forms: which characters may change in it, and what becomes of them.</summary>
internal sealed class NormalizationForm
{
    private const int HangulBase = 0xAC00;
    private const int LeadBase = 0x1100;
    private const int VowelBase = 0x1161;
    private const int TrailBase = 0x11A7;
    private const int LeadCount = 19;
    private const int VowelCount = 21;
    private const int TrailCount = 28;
    private const int HangulCount = LeadCount * VowelCount * TrailCount;

    private readonly bool _compose;
    private readonly bool _compatible;
    private readonly char _first;
    private readonly ulong[]?[] _unstable = new ulong[]?[0x110000 >> 8];

    /// <summary>Form C or KC (<paramref name="compose"/>), or D or KD; KC and KD are <paramref name="compatible"/>.</summary>
    public NormalizationForm(bool compose, bool compatible)
    {
        _compose = compose;
        _compatible = compatible;
        foreach (var letter in NormalizationData.Letters)
            if (Changes(letter)) Mark(letter, letter);
        if (compose)
        {
            // A vowel or a trailing consonant joins what stands before it.
            Mark(VowelBase, VowelBase + VowelCount - 1);
            Mark(TrailBase + 1, TrailBase + TrailCount - 1);
        }
        else
        {
            Mark(HangulBase, HangulBase + HangulCount - 1);
        }
        // Half a surrogate pair becomes U+FFFD.
        Mark(0xD800, 0xDFFF);
        _first = (char)Enumerable.Range(0, 0x10000).First(letter => IsUnstable(letter));
    }

    /// <summary>
    /// The first character at or after <paramref name="from"/> that may change, and where the stretch begins that it changes in:
    /// at the character before it, if that lies at or after <paramref name="from"/>.
    /// </summary>
    public bool TryFindUnstable(ReadOnlySpan<char> text, int from, out int start, out int unstable)
    {
        start = from;
        for (unstable = from; unstable < text.Length;)
        {
            if (text[unstable] < _first)
            {
                var skipped = text[unstable..].IndexOfAnyInRange(_first, char.MaxValue);
                if (skipped < 0) return false;
                unstable += skipped;
                start = unstable - 1;
            }
            if (IsUnstable(Unit(text, unstable, out var length))) return true;
            start = unstable;
            unstable += length;
        }
        return false;
    }

    /// <summary>The end of the characters that may change from <paramref name="from"/> on.</summary>
    public int NextStable(ReadOnlySpan<char> text, int from)
    {
        var at = from;
        while (at < text.Length && text[at] >= _first && IsUnstable(Unit(text, at, out var length))) at += length;
        return at;
    }

    /// <summary>Puts the form of <paramref name="text"/> in place of what <paramref name="letters"/> holds.</summary>
    public void Rewrite(ReadOnlySpan<char> text, List<int> letters)
    {
        letters.Clear();
        for (int i = 0, length; i < text.Length; i += length) Decompose(CodePoints.At(text, i, out length), letters);
        Order(letters);
        if (_compose) Compose(letters);
    }

    // As a code point, but half a surrogate pair as itself.
    private static int Unit(ReadOnlySpan<char> text, int at, out int length)
    {
        var letter = CodePoints.At(text, at, out length);
        return length == 1 ? text[at] : letter;
    }

    private bool IsUnstable(int letter) => _unstable[letter >> 8] is { } page && (page[letter >> 6 & 3] >> letter & 1) != 0;

    private void Mark(int first, int last)
    {
        for (var letter = first; letter <= last; letter++)
        {
            var page = _unstable[letter >> 8] ??= new ulong[4];
            page[letter >> 6 & 3] |= 1ul << letter;
        }
    }

    // Whether the letter moves, joins what stands before it, or becomes something else by itself.
    private bool Changes(int letter)
    {
        if (NormalizationData.Class(letter) != 0 || (_compose && NormalizationData.IsSecond(letter))) return true;
        var alone = new List<int>();
        Decompose(letter, alone);
        Order(alone);
        if (_compose) Compose(alone);
        return alone is not [var same] || same != letter;
    }

    private void Decompose(int letter, List<int> output)
    {
        if ((uint)(letter - HangulBase) < HangulCount)
        {
            var index = letter - HangulBase;
            output.Add(LeadBase + index / (VowelCount * TrailCount));
            output.Add(VowelBase + index % (VowelCount * TrailCount) / TrailCount);
            if (index % TrailCount != 0) output.Add(TrailBase + index % TrailCount);
        }
        else if (_compatible && NormalizationData.Compatible(letter) is { } full)
        {
            output.AddRange(full);
        }
        else if (NormalizationData.Canonical(letter) is { } parts)
        {
            foreach (var part in parts) Decompose(part, output);
        }
        else
        {
            output.Add(letter);
        }
    }

    // Canonical ordering: runs of marks are sorted by class, equal classes keep their order.
    private static void Order(List<int> letters)
    {
        for (var start = 0; start < letters.Count; start++)
        {
            if (NormalizationData.Class(letters[start]) == 0) continue;
            var end = start + 1;
            while (end < letters.Count && NormalizationData.Class(letters[end]) != 0) end++;
            if (end - start > 1)
            {
                var ordered = letters.GetRange(start, end - start).OrderBy(letter => NormalizationData.Class(letter)).ToList();
                for (var i = 0; i < ordered.Count; i++) letters[start + i] = ordered[i];
            }
            start = end - 1;
        }
    }

    private static void Compose(List<int> letters)
    {
        // A mark joins the last starter unless a mark of its own class or a higher one stands between.
        var (kept, starter, lastClass) = (0, -1, -1);
        for (var i = 0; i < letters.Count; i++)
        {
            var letter = letters[i];
            var ownClass = NormalizationData.Class(letter);
            if (starter >= 0 && lastClass < ownClass && Join(letters[starter], letter) is { } whole)
            {
                letters[starter] = whole;
                continue;
            }
            if (ownClass == 0)
            {
                starter = kept;
                lastClass = -1;
            }
            else
            {
                lastClass = ownClass;
            }
            letters[kept++] = letter;
        }
        letters.RemoveRange(kept, letters.Count - kept);
    }

    private static int? Join(int first, int second)
    {
        if ((uint)(first - LeadBase) < LeadCount && (uint)(second - VowelBase) < VowelCount)
            return HangulBase + ((first - LeadBase) * VowelCount + (second - VowelBase)) * TrailCount;
        if ((uint)(first - HangulBase) < HangulCount && (first - HangulBase) % TrailCount == 0
            && (uint)(second - TrailBase - 1) < TrailCount - 1)
            return first + (second - TrailBase);
        return NormalizationData.Composite(first, second);
    }
}
