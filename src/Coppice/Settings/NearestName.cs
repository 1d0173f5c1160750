namespace Coppice.Settings;

/// <summary>What was probably meant by a name that is not known.</summary>
internal static class NearestName
{
    /// <summary>
    /// The one among <paramref name="names"/> that needs the fewest letters inserted, left out, changed or swapped to become
    /// <paramref name="word"/>, in upper or lower case; null where that is more than a third of them.
    /// </summary>
    public static string? Of(string word, IEnumerable<string> names) =>
        names.Select(name => (Name: name, Distance: Distance(word.ToLowerInvariant(), name.ToLowerInvariant())))
            .Where(near => 3 * near.Distance <= Math.Max(word.Length, 3)).OrderBy(near => near.Distance)
            .ThenBy(near => near.Name, StringComparer.Ordinal).Select(near => near.Name).FirstOrDefault();

    /// <summary>" (did you mean beam?)" as the end of a message, or nothing where no name is near.</summary>
    public static string Hint(string word, IEnumerable<string> names) => Of(word, names) is { } meant ? $" (did you mean {meant}?)" : "";

    /// <summary>
    /// Letters inserted, left out, changed or swapped with a neighbour (optimal string alignment). Time: the product of the lengths.
    /// </summary>
    private static int Distance(string from, string to)
    {
        var steps = new int[from.Length + 1, to.Length + 1];
        for (var i = 0; i <= from.Length; i++) steps[i, 0] = i;
        for (var j = 0; j <= to.Length; j++) steps[0, j] = j;
        for (var i = 1; i <= from.Length; i++)
        {
            for (var j = 1; j <= to.Length; j++)
            {
                var change = steps[i - 1, j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
                var best = Math.Min(change, Math.Min(steps[i - 1, j], steps[i, j - 1]) + 1);
                if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1]) best = Math.Min(best, steps[i - 2, j - 2] + 1);
                steps[i, j] = best;
            }
        }
        return steps[from.Length, to.Length];
    }
}
