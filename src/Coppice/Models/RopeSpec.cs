using Coppice.Kernels;

namespace Coppice.Models;

/// <summary>How rotary frequencies are stretched beyond the context a model was first trained on.</summary>
internal enum RopeScaling
{
    None, Linear, Llama3, Yarn, Long,
    /// <summary>Plain up to the model's context, where the engine ends; beyond it every token would change all keys.</summary>
    Dynamic,
}

/// <summary>A rotary position encoding: frequencies of the pairs of a head, and what multiplies the cosines and sines.</summary>
/// <remarks>Frequencies are computed in double. Sources: Su et al., RoFormer; Peng et al., YaRN; Ding et al., LongRoPE; the formulas of
/// Hugging Face's modeling_rope_utils.</remarks>
internal sealed record RopeSpec
{
    public required double Theta { get; init; }
    /// <summary>Leading elements of a head that turn; even.</summary>
    public required int RotaryDim { get; init; }
    public RopePairing Pairing { get; init; } = RopePairing.Half;
    public RopeScaling Scaling { get; init; } = RopeScaling.None;
    public double Factor { get; init; } = 1;
    /// <summary>Context before the stretch.</summary>
    public int OriginalContext { get; init; }
    /// <summary>llama3: wavelengths above original / this are divided by the factor in full.</summary>
    public double LowFrequencyFactor { get; init; } = 1;
    /// <summary>llama3: wavelengths below original / this stay.</summary>
    public double HighFrequencyFactor { get; init; } = 4;
    /// <summary>yarn: turns over the original context above which a pair stays.</summary>
    public double BetaFast { get; init; } = 32;
    /// <summary>yarn: turns below which a pair is divided by the factor in full.</summary>
    public double BetaSlow { get; init; } = 1;
    /// <summary>yarn: whether the border pairs are rounded outwards.</summary>
    public bool Truncate { get; init; } = true;
    /// <summary>longrope: divisors up to the original context, one for each pair.</summary>
    public IReadOnlyList<double>? ShortFactors { get; init; }
    /// <summary>longrope: divisors beyond the original context.</summary>
    public IReadOnlyList<double>? LongFactors { get; init; }
    /// <summary>Multiplies cosines and sines, so that scores are multiplied by its square.</summary>
    public double AttentionFactor { get; init; } = 1;

    /// <summary>Angle per position of every pair, [rotaryDim / 2]; <paramref name="beyond"/> chooses the long factors.</summary>
    public double[] Frequencies(bool beyond = false)
    {
        var pairs = RotaryDim / 2;
        var frequencies = new double[pairs];
        for (var i = 0; i < pairs; i++)
        {
            var plain = Math.Pow(Theta, -2.0 * i / RotaryDim);
            frequencies[i] = Scaling switch
            {
                RopeScaling.Linear => plain / Factor,
                RopeScaling.Llama3 => Llama3(plain),
                RopeScaling.Yarn => Yarn(plain, i),
                RopeScaling.Long => plain / (beyond ? LongFactors! : ShortFactors!)[i],
                _ => plain,
            };
        }
        return frequencies;
    }

    private double Llama3(double frequency)
    {
        var wavelength = 2 * Math.PI / frequency;
        if (wavelength > OriginalContext / LowFrequencyFactor) return frequency / Factor;
        if (wavelength < OriginalContext / HighFrequencyFactor) return frequency;
        var smooth = (OriginalContext / wavelength - LowFrequencyFactor) / (HighFrequencyFactor - LowFrequencyFactor);
        return (1 - smooth) * frequency / Factor + smooth * frequency;
    }

    /// <summary>YaRN, eqs. 17-23: a ramp over the pairs between full interpolation and none.</summary>
    private double Yarn(double frequency, int pair)
    {
        var (low, high) = (PairThatTurns(BetaFast), PairThatTurns(BetaSlow));
        if (Truncate) (low, high) = (Math.Floor(low), Math.Ceiling(high));
        (low, high) = (Math.Max(low, 0), Math.Min(high, RotaryDim - 1));
        if (low == high) high += 0.001;
        var interpolated = Math.Clamp((pair - low) / (high - low), 0, 1);
        return interpolated * frequency / Factor + (1 - interpolated) * frequency;
    }

    /// <summary>The (fractional) pair that makes <paramref name="turns"/> turns over the original context.</summary>
    private double PairThatTurns(double turns) => RotaryDim * Math.Log(OriginalContext / (turns * 2 * Math.PI)) / (2 * Math.Log(Theta));
}
