namespace Coppice.Drafting;

/// <summary>
/// What <see cref="TokenRecyclingDrafter"/> learns; the drafters of all sessions of a scope share one for each width of rows.
/// </summary>
/// <remarks>Each takes <see cref="Lock"/> once a draft and once a verification.</remarks>
internal sealed class RecyclingTables(int vocabulary, int width)
{
    /// <summary>Held while the tables are used.</summary>
    public Lock Lock { get; } = new();
    /// <summary>Rows of the target.</summary>
    public AdjacencyMatrix Matrix { get; } = new(vocabulary, Math.Min(width, vocabulary));
    /// <summary>Rates of acceptance.</summary>
    public RankRates Rates { get; } = new(Math.Min(width, vocabulary));

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        lock (Lock)
        {
            Matrix.Clear();
            Rates.Clear();
        }
    }
}
