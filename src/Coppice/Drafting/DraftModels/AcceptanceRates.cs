namespace Coppice.Drafting;

/// <summary>
/// How often a proposed token is accepted, by the probability that its source gave it and whether that was the largest: learned from what
/// was verified.
/// </summary>
/// <remarks>
/// A greedy choice makes much of a small lead, so that the best of several is accepted more often than its probability p says, and less
/// often where there is none: about p² (3 - 2p). A few observations that agree with that come first, so that it is believed until there are
/// better ones; old ones fade.
/// </remarks>
internal sealed class AcceptanceRates
{
    private const int Bins = 16;
    private const double Prior = 8, Memory = 400;

    private readonly double[] _tried = new double[2 * Bins], _accepted = new double[2 * Bins];

    /// <summary>The chance that a token is accepted whose source gave it <paramref name="probability"/>.</summary>
    public double Chance(double probability, bool first)
    {
        var bin = Bin(probability, first);
        var expected = first ? probability * probability * (3 - 2 * probability) : probability;
        return (_accepted[bin] + Prior * expected) / (_tried[bin] + Prior);
    }

    /// <summary>Such a token was verified.</summary>
    public void Observe(double probability, bool first, bool accepted)
    {
        var bin = Bin(probability, first);
        var keep = _tried[bin] < Memory ? 1 : 1 - 1 / Memory;
        _tried[bin] = _tried[bin] * keep + 1;
        _accepted[bin] = _accepted[bin] * keep + (accepted ? 1 : 0);
    }

    private static int Bin(double probability, bool first) => Math.Clamp((int)(probability * Bins), 0, Bins - 1) + (first ? 0 : Bins);
}
