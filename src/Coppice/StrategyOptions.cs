using Coppice.Settings;

namespace Coppice;

/// <summary>How tokens are chosen beyond one draw from each row.</summary>
/// <remarks>With its neutral setting (one beam, the best of one) a strategy gives the tokens of plain decoding.</remarks>
public abstract record StrategyOptions
{
    /// <summary>Every strategy: its name and how its settings are read.</summary>
    private static readonly (string Name, Func<NamedSettings, StrategyOptions> Read)[] Kinds =
    [
        (MirostatOptions.KindName, MirostatOptions.Read),
        (BeamSearchOptions.KindName, BeamSearchOptions.Read),
        (BestOfOptions.KindName, BestOfOptions.Read),
        (BlockwiseOptions.KindName, BlockwiseOptions.Read),
        (ContrastOptions.KindName, ContrastOptions.Read),
        (PlanningOptions.KindName, PlanningOptions.Read),
        (SwitchOptions.KindName, SwitchOptions.Read),
        (ValueGuideOptions.KindName, ValueGuideOptions.Read),
    ];

    private protected StrategyOptions() { }

    /// <summary>The names that <see cref="Parse"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Kinds.Select(kind => kind.Name)];

    /// <summary>The strategy's name: "beam".</summary>
    public abstract string Name { get; }

    /// <summary>Reads "NAME" or "NAME:key=value,key=value".</summary>
    /// <exception cref="ArgumentException">The name or a key is not known, or a value is not what it must be.</exception>
    public static StrategyOptions Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var name = colon < 0 ? text : text[..colon];
        foreach (var kind in Kinds)
        {
            if (kind.Name != name) continue;
            var settings = new NamedSettings("strategy", name, colon < 0 ? "" : text[(colon + 1)..]);
            var options = kind.Read(settings);
            settings.RequireNoneLeft();
            options.Validate();
            return options;
        }
        throw new ArgumentException(
            $"strategy: must be one of {string.Join(", ", Names)}, got \"{name}\"{NearestName.Hint(name, Names)}.", nameof(text));
    }

    /// <summary>Throws where a setting is out of its range.</summary>
    /// <exception cref="ArgumentException">One is.</exception>
    internal abstract void Validate();

    /// <summary>Throws unless <paramref name="value"/> is from <paramref name="least"/> to <paramref name="most"/>.</summary>
    private protected void Require(string key, double value, double least, double most)
    {
        if (!(value >= least && value <= most)) throw new ArgumentException(string.Create(
            System.Globalization.CultureInfo.InvariantCulture, $"strategy {Name}: {key} must be from {least} to {most}, got {value}."));
    }
}
