using System.Text;

namespace Coppice.Text.Unicode;

/// <summary>The four normalization forms of Unicode (Standard Annex 15).</summary>
internal static class Normalization
{
    private const int HangulBase = 0xAC00;
    private const int LeadBase = 0x1100;
    private const int VowelBase = 0x1161;
    private const int TrailBase = 0x11A7;
    private const int LeadCount = 19;
    private const int VowelCount = 21;
    private const int TrailCount = 28;
    private const int HangulCount = LeadCount * VowelCount * TrailCount;

    // No code point below these changes: U+0300 is the first that may compose with one before it, U+00C0 the first that decomposes,
    // U+00A0 the first that decomposes by compatibility.
    private const char FirstComposing = '\u0300';
    private const char FirstDecomposing = '\u00C0';
    private const char FirstCompatible = '\u00A0';

    /// <summary>The text in form C or KC (<paramref name="compose"/>) or D or KD; KC and KD are <paramref name="compatible"/>.</summary>
    public static string Apply(string text, bool compose, bool compatible)
    {
        var first = compatible ? FirstCompatible : compose ? FirstComposing : FirstDecomposing;
        if (!text.AsSpan().ContainsAnyInRange(first, char.MaxValue)) return text;
        var letters = new List<int>(text.Length + 16);
        for (int i = 0, length; i < text.Length; i += length) Decompose(CodePoints.At(text, i, out length), compatible, letters);
        Order(letters);
        if (compose) Compose(letters);
        var result = new StringBuilder(letters.Count);
        foreach (var letter in letters) CodePoints.Append(result, letter);
        return result.ToString();
    }

    private static void Decompose(int letter, bool compatible, List<int> output)
    {
        if (letter < FirstCompatible)
        {
            output.Add(letter);
        }
        else if ((uint)(letter - HangulBase) < HangulCount)
        {
            var index = letter - HangulBase;
            output.Add(LeadBase + index / (VowelCount * TrailCount));
            output.Add(VowelBase + index % (VowelCount * TrailCount) / TrailCount);
            if (index % TrailCount != 0) output.Add(TrailBase + index % TrailCount);
        }
        else if (compatible && NormalizationData.Compatible(letter) is { } full)
        {
            output.AddRange(full);
        }
        else if (NormalizationData.Canonical(letter) is { } parts)
        {
            foreach (var part in parts) Decompose(part, compatible, output);
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
