using System.Text;

namespace Coppice.Text.Unicode;

/// <summary>The four normalization forms of Unicode (Standard Annex 15).</summary>
/// <remarks>
/// Only stretches that may change are rewritten. Such a stretch begins at the last character before it that is stable, because what follows
/// may join that, and ends before the next stable one. A text without any is returned as it is, at the speed of a search.
/// </remarks>
internal static class Normalization
{
    private static readonly Lazy<NormalizationForm> C = new(() => new NormalizationForm(compose: true, compatible: false));
    private static readonly Lazy<NormalizationForm> D = new(() => new NormalizationForm(compose: false, compatible: false));
    private static readonly Lazy<NormalizationForm> CompatibleC = new(() => new NormalizationForm(compose: true, compatible: true));
    private static readonly Lazy<NormalizationForm> CompatibleD = new(() => new NormalizationForm(compose: false, compatible: true));

    /// <summary>The text in form C or KC (<paramref name="compose"/>) or D or KD; KC and KD are <paramref name="compatible"/>.</summary>
    /// <returns>The text itself where it has that form already. Half a surrogate pair becomes U+FFFD.</returns>
    public static string Apply(string text, bool compose, bool compatible)
    {
        var form = (compose ? compatible ? CompatibleC : C : compatible ? CompatibleD : D).Value;
        if (!form.TryFindUnstable(text, 0, out var start, out var unstable)) return text;
        var result = new StringBuilder(text.Length + 16);
        var letters = new List<int>();
        var done = 0;
        do
        {
            result.Append(text.AsSpan(done, start - done));
            done = form.NextStable(text, unstable);
            form.Rewrite(text.AsSpan(start, done - start), letters);
            foreach (var letter in letters) CodePoints.Append(result, letter);
        }
        while (form.TryFindUnstable(text, done, out start, out unstable));
        return result.Append(text.AsSpan(done)).ToString();
    }
}
