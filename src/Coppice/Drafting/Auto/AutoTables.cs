namespace Coppice.Drafting;

/// <summary>What <see cref="AutoDrafter"/> learns: rows of the target, and how often candidates are accepted.</summary>
/// <remarks>
/// The drafters of all sessions of a scope share one. Each takes <see cref="Lock"/> once a draft and once a verification.
/// </remarks>
/// <param name="bits">2 to this power: contexts that are remembered.</param>
internal sealed class AutoTables(int bits)
{
    /// <summary>Tokens of a row.</summary>
    public const int RowWidth = 8;

    /// <summary>Held while the tables are used.</summary>
    public Lock Lock { get; } = new();
    /// <summary>Rows of the target.</summary>
    public SuccessorCache Rows { get; } = new(bits, RowWidth);
    /// <summary>Rates of acceptance.</summary>
    public AcceptanceModel Acceptance { get; } = new();

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        lock (Lock)
        {
            Rows.Clear();
            Acceptance.Clear();
        }
    }
}
