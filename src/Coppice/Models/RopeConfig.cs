using Coppice.Kernels;

namespace Coppice.Models;

/// <summary>Reads the rotary settings of a config: the new form (rope_parameters) and the old one (rope_theta, rope_scaling).</summary>
internal static class RopeConfig
{
    private const string Supported = "default, mrope, linear, dynamic, llama3, yarn, longrope";

    /// <summary>The encoding of heads of <paramref name="headDim"/> elements.</summary>
    /// <param name="config">The config.</param>
    /// <param name="headDim">Elements of a head.</param>
    /// <param name="thetaWhenMissing">The family's default.</param>
    /// <param name="rotaryFactor">Share of a head that turns, where the settings do not say.</param>
    /// <param name="pairing">Which elements turn together.</param>
    /// <param name="settings">The settings, where they are not under the usual keys.</param>
    public static RopeSpec Read(
        ConfigReader config, int headDim, double thetaWhenMissing = 10000, double rotaryFactor = 1, RopePairing pairing = RopePairing.Half,
            ConfigReader? settings = null)
    {
        settings ??= config.Section("rope_parameters") ?? config.Section("rope_scaling");
        var theta = settings is not null && settings.Has("rope_theta")
            ? settings.DefaultPositive("rope_theta", 1)
            : config.DefaultPositive("rope_theta", thetaWhenMissing);
        var share = settings is not null && settings.Has("partial_rotary_factor")
            ? settings.DefaultPositive("partial_rotary_factor", 1) : config.DefaultPositive("partial_rotary_factor", rotaryFactor);
        var rotaryDim = (int)Math.Min(headDim, headDim * share);
        if (share > 1 || rotaryDim % 2 != 0 || rotaryDim < 2)
            config.Malformed("partial_rotary_factor", $"an even number of the {headDim} elements of a head", $"{share}");
        var plain = new RopeSpec { Theta = theta, RotaryDim = Math.Max(rotaryDim, 2), Pairing = pairing };
        return settings is null ? plain : Scaled(config, settings, plain);
    }

    private static RopeSpec Scaled(ConfigReader config, ConfigReader settings, RopeSpec plain)
    {
        var key = settings.Has("rope_type") ? "rope_type" : "type";
        var context = config.DefaultSize("max_position_embeddings", 2048);
        switch (settings.Default(key, "default"))
        {
            case "default" or "mrope":      // of text, the three positions of mrope are one
                return plain;
            case "linear":
                return plain with { Scaling = RopeScaling.Linear, Factor = settings.RequiredPositive("factor") };
            case "dynamic":
                return plain with { Scaling = RopeScaling.Dynamic };
            case "llama3":
                return plain with
                {
                    Scaling = RopeScaling.Llama3,
                    Factor = settings.RequiredPositive("factor"),
                    LowFrequencyFactor = settings.RequiredPositive("low_freq_factor"),
                    HighFrequencyFactor = settings.RequiredPositive("high_freq_factor"),
                    OriginalContext = settings.RequiredSize("original_max_position_embeddings"),
                };
            case "yarn":
                return Yarn(settings, plain, context);
            case "longrope" or "su":
                return Long(config, settings, plain, context);
            case var other:
                settings.Unsupported(key, $"\"{Weights.CheckpointText.Clip(other)}\"", Supported);
                return plain;
        }
    }

    private static RopeSpec Yarn(ConfigReader settings, RopeSpec plain, int context)
    {
        var factor = settings.RequiredPositive("factor");
        var (mscale, mscaleAll) = (settings.Default("mscale", 0.0), settings.Default("mscale_all_dim", 0.0));
        var attention = mscale != 0 && mscaleAll != 0 ? Scale(factor, mscale) / Scale(factor, mscaleAll) : Scale(factor, 1);
        return plain with
        {
            Scaling = RopeScaling.Yarn,
            Factor = factor,
            OriginalContext = settings.DefaultSize("original_max_position_embeddings", context),
            BetaFast = settings.DefaultPositive("beta_fast", 32),
            BetaSlow = settings.DefaultPositive("beta_slow", 1),
            Truncate = settings.Default("truncate", true),
            AttentionFactor = settings.DefaultPositive("attention_factor", attention),
        };

        // YaRN, eq. 22.
        static double Scale(double factor, double weight) => factor <= 1 ? 1 : 0.1 * weight * Math.Log(factor) + 1;
    }

    private static RopeSpec Long(ConfigReader config, ConfigReader settings, RopeSpec plain, int context)
    {
        var original = config.Has("original_max_position_embeddings")
            ? config.RequiredSize("original_max_position_embeddings") : settings.DefaultSize("original_max_position_embeddings", context);
        var factor = config.Has("original_max_position_embeddings")
            ? (double)context / original
            : settings.DefaultPositive("factor", (double)context / original);
        var attention = factor <= 1 || original < 2 ? 1 : Math.Sqrt(1 + Math.Log(factor) / Math.Log(original));
        return plain with
        {
            Scaling = RopeScaling.Long,
            Factor = factor,
            OriginalContext = original,
            ShortFactors = Divisors(settings, "short_factor", plain.RotaryDim / 2),
            LongFactors = Divisors(settings, "long_factor", plain.RotaryDim / 2),
            AttentionFactor = settings.DefaultPositive("attention_factor", attention),
        };
    }

    private static IReadOnlyList<double> Divisors(ConfigReader settings, string key, int count)
    {
        var divisors = settings.Numbers(key, count);
        if (divisors.Any(d => d <= 0)) settings.Malformed(key, "a list of positive numbers", "one that is not");
        return divisors;
    }
}
