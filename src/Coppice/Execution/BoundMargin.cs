namespace Coppice.Execution;

/// <summary>
/// The part of a latency bound that a pass is planned for, so that about one pass in two hundred takes longer than the bound.
/// </summary>
/// <remarks>
/// What a pass will take is known only roughly: rows of a prompt become dearer as it grows, and the machine's speed drifts. A pass that
/// took longer makes the next ones smaller by a tenth, one within the bound makes them larger by a two-thousandth: the two are even where
/// one pass in two hundred is too long. One that took far longer than planned was disturbed, and smaller passes would not have helped.
/// </remarks>
internal sealed class BoundMargin
{
    private const double Least = 0.3, Most = 0.85, Start = 0.7, Shrink = 0.9, Grow = 1.0005, Disturbed = 2;

    /// <summary>From 0.3 to 0.85.</summary>
    public double Value { get; private set; } = Start;

    /// <summary>A pass that was planned for its part of <paramref name="bound"/> took <paramref name="seconds"/>.</summary>
    public void Observe(double seconds, double bound)
    {
        if (seconds > Disturbed * bound) return;
        Value = seconds > bound ? Math.Max(Value * Shrink, Least) : Math.Min(Value * Grow, Most);
    }
}
