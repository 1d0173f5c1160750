using Coppice.Decoding.Verification;

namespace Coppice.Drafting;

/// <summary>Which drafter proposes tokens ahead, and its settings.</summary>
/// <remarks>
/// Greedy tokens are the same with every drafter, and with none. Sampled tokens are the same for the same seed where the drafter proposes
/// without chance. Where it draws its proposals at random (rsd-c, rsd-s, dyspec, rasd with sampled=true) each text is as probable as
/// without it, but a seed gives another one. <see cref="Typical"/> above 0 changes all of this. Options that are equal keep what the
/// drafter of a session has learned.
/// </remarks>
public abstract record DrafterOptions
{
    /// <summary>Every drafter: its name and how its settings are read.</summary>
    private static readonly (string Name, Func<DrafterSettings, DrafterOptions> Read)[] Kinds =
    [
        (AutoDrafterOptions.KindName, AutoDrafterOptions.Read),
        ("none", _ => new NoDrafterOptions()),
        (PromptLookupOptions.KindName, PromptLookupOptions.Read),
        (SuffixOptions.KindName, SuffixOptions.Read),
        (TokenRecyclingOptions.KindName, TokenRecyclingOptions.Read),
        (AdedOptions.KindName, AdedOptions.Read),
        (DraftModelOptions.KindName, DraftModelOptions.Read),
        (RsdCOptions.KindName, RsdCOptions.Read),
        (RsdSOptions.KindName, RsdSOptions.Read),
        (DyspecOptions.KindName, DyspecOptions.Read),
        (RasdOptions.KindName, RasdOptions.Read),
        (MedusaOptions.KindName, MedusaOptions.Read),
        (HydraOptions.KindName, HydraOptions.Read),
    ];

    private protected DrafterOptions() { }

    /// <summary>Plain decoding.</summary>
    public static DrafterOptions None { get; } = new NoDrafterOptions();
    /// <summary>The names that <see cref="Parse"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Kinds.Select(kind => kind.Name)];

    /// <summary>The drafter's name: "prompt-lookup".</summary>
    public abstract string Name { get; }

    /// <summary>
    /// Accepts drafted tokens that are plausible instead of those that the model chooses: ε of Medusa's typical acceptance, usually 0.09.
    /// Changes the text, its law too; 0, the default, does not.
    /// </summary>
    public double Typical
    {
        get;
        init
        {
            Require("typical", value, 0, 1);
            field = value;
        }
    }

    /// <summary>
    /// Whether drafting rests while it costs more than it gives; so by default. Never where proposals are drawn and text is sampled: it
    /// would not be the same twice.
    /// </summary>
    public bool Guarded { get; init; } = true;

    /// <summary>Whether proposals are drawn at random, so that what is sampled depends on when there are any.</summary>
    internal virtual bool DrawsProposals => false;

    /// <summary>Whether making the drafter may load a model, which takes a while.</summary>
    internal virtual bool LoadsModel => false;

    internal TypicalAcceptance? Acceptance => Typical > 0 ? new TypicalAcceptance(Typical, Math.Sqrt(Typical)) : null;

    /// <summary>Reads "NAME" or "NAME:key=value,key=value".</summary>
    /// <exception cref="ArgumentException">The name or a key is not known, or a value is not what it must be.</exception>
    public static DrafterOptions Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var name = colon < 0 ? text : text[..colon];
        foreach (var kind in Kinds)
        {
            if (kind.Name != name) continue;
            var settings = new DrafterSettings(name, colon < 0 ? "" : text[(colon + 1)..]);
            var options = kind.Read(settings) with { Typical = settings.Real("typical", 0), Guarded = settings.Flag("guard", true) };
            settings.RequireNoneLeft();
            options.Validate();
            return options;
        }
        throw new ArgumentException($"drafter: must be one of {string.Join(", ", Names)}, got \"{name}\".", nameof(text));
    }

    /// <summary>Throws where a setting is out of its range.</summary>
    /// <exception cref="ArgumentException">One is.</exception>
    internal virtual void Validate() { }

    /// <summary>A drafter for <paramref name="target"/>; belongs to the caller.</summary>
    /// <exception cref="CheckpointException">A file that it needs is missing, malformed or made for another tokenizer.</exception>
    internal abstract Drafter Create(DraftContext target);

    /// <summary>Throws unless <paramref name="value"/> is from <paramref name="least"/> to <paramref name="most"/>.</summary>
    private protected void Require(string key, double value, double least, double most)
    {
        if (!(value >= least && value <= most)) throw new ArgumentException(string.Create(
            System.Globalization.CultureInfo.InvariantCulture, $"drafter {Name}: {key} must be from {least} to {most}, got {value}."));
    }
}

/// <summary>Plain decoding: nothing is proposed.</summary>
public sealed record NoDrafterOptions : DrafterOptions
{
    /// <inheritdoc/>
    public override string Name => "none";

    internal override Drafter Create(DraftContext target) => new NoDrafter();
}
