namespace Coppice;

/// <summary>Says which of two models is asked for a row: a function of the rows before it.</summary>
public interface ISwitchPolicy
{
    /// <summary>Whether the large model gives the next row.</summary>
    /// <param name="entropies">Of all rows so far, in bits, the last one at the end; each of the model that gave it.</param>
    /// <param name="fromLarge">Which of them the large model gave.</param>
    bool TakesLarge(IReadOnlyList<double> entropies, IReadOnlyList<bool> fromLarge);
}

/// <summary>By the mean entropy of the last rows; begins with the small model.</summary>
/// <param name="window">Rows of the mean, at least 1; before that many rows nothing switches.</param>
/// <param name="upper">Above it the large model takes over, in bits.</param>
/// <param name="lower">At or below it the small one does, in bits; null for <paramref name="upper"/>.</param>
/// <param name="leastStay">Rows that a model gives at least.</param>
public sealed class EntropySwitchPolicy(int window, double upper, double? lower = null, int leastStay = 10) : ISwitchPolicy
{
    /// <inheritdoc/>
    public bool TakesLarge(IReadOnlyList<double> entropies, IReadOnlyList<bool> fromLarge)
    {
        ArgumentNullException.ThrowIfNull(entropies);
        ArgumentNullException.ThrowIfNull(fromLarge);
        if (entropies.Count == 0) return false;
        var isLarge = fromLarge[^1];
        if (entropies.Count < window) return isLarge;
        var stayed = 1;
        while (stayed < fromLarge.Count && stayed < leastStay && fromLarge[^(stayed + 1)] == isLarge) stayed++;
        if (stayed < leastStay) return isLarge;
        var mean = 0.0;
        for (var i = 1; i <= window; i++) mean += entropies[^i] / window;
        return isLarge ? mean > (lower ?? upper) : mean > upper;
    }
}
