using Coppice.Models;
using Xunit;

namespace Coppice.Tests.Support;

/// <summary>Runs whole texts and compares logits.</summary>
internal static class Logits
{
    /// <summary>Logits [tokens, vocabulary] of <paramref name="ids"/> in one context.</summary>
    public static float[] Of(LanguageModel model, int[] ids)
    {
        var all = new float[ids.Length * model.VocabularySize];
        using var scorer = new Scorer(model, ids.Length);
        scorer.Logits(ids, (first, rows) => rows.CopyTo(all.AsSpan(first * model.VocabularySize)));
        return all;
    }

    /// <summary>The largest difference; any NaN fails.</summary>
    public static float LargestDifference(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        var largest = 0f;
        for (var i = 0; i < expected.Length; i++)
        {
            var difference = MathF.Abs(expected[i] - actual[i]);
            Assert.False(float.IsNaN(difference), $"NaN at {i}: expected {expected[i]}, actual {actual[i]}");
            largest = MathF.Max(largest, difference);
        }
        return largest;
    }
}
