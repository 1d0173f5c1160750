namespace Coppice.Decoding.Sampling;

/// <summary>What random numbers are used for; each use has a stream of its own.</summary>
internal enum RandomStream
{
    /// <summary>The target's choice of a token.</summary>
    Target,
    /// <summary>Whether a sampled draft is accepted.</summary>
    Acceptance,
    /// <summary>Draws from what a rejection leaves.</summary>
    Residual,
    /// <summary>Draws of a drafter that samples.</summary>
    Draft,
    /// <summary>A drafter's own search.</summary>
    Search,
    /// <summary>Whether the most probable tokens are left out.</summary>
    Xtc,
}

/// <summary>
/// Philox-4x32-10: random numbers as a function of (seed, stream, position, counter), so that any can be had without those before it.
/// </summary>
/// <remarks>Source: Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3 (2011), section 4.3 and table 2.</remarks>
internal static class Philox
{
    private const uint Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;
    private const int Rounds = 10;

    /// <summary>A number in [0, 1) with 53 random bits.</summary>
    /// <param name="seed">The generation's seed.</param>
    /// <param name="stream">The use.</param>
    /// <param name="position">Absolute position of the token that is chosen.</param>
    /// <param name="counter">Which number for that position.</param>
    public static double Uniform(ulong seed, RandomStream stream, int position, int counter = 0)
    {
        var (x0, x1, _, _) = Block(((uint)counter, (uint)position, (uint)stream, 0), ((uint)seed, (uint)(seed >> 32)));
        return ((((ulong)x1 << 32) | x0) >> 11) * (1.0 / (1ul << 53));
    }

    /// <summary>One block of the generator.</summary>
    internal static (uint X0, uint X1, uint X2, uint X3) Block((uint C0, uint C1, uint C2, uint C3) counter, (uint K0, uint K1) key)
    {
        for (var round = 0; round < Rounds; round++)
        {
            var (product0, product1) = ((ulong)Multiplier0 * counter.C0, (ulong)Multiplier1 * counter.C2);
            counter = ((uint)(product1 >> 32) ^ counter.C1 ^ key.K0, (uint)product1, (uint)(product0 >> 32) ^ counter.C3 ^ key.K1,
                (uint)product0);
            key = (key.K0 + Weyl0, key.K1 + Weyl1);
        }
        return counter;
    }
}
