using System.Globalization;

namespace Coppice.Drafting;

/// <summary>Recursive speculative decoding with constant branching.</summary>
public sealed record RsdCOptions : SampledDrafterOptions
{
    internal const string KindName = "rsd-c";
    private int[] _branching = [2, 1, 1];

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>Children of a node at each level, "2-1-1" by default: at most 31 levels and 63 nodes.</summary>
    public string Branches
    {
        get => string.Join('-', _branching);
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            _branching = [.. value.Split('-').Select(Count)];

            static int Count(string part) => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : 0;
        }
    }

    internal ReadOnlySpan<int> Branching => _branching;

    /// <summary>Whether the settings are the same.</summary>
    public bool Equals(RsdCOptions? other) => base.Equals(other) && Branches == other.Branches;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(base.GetHashCode(), Branches);

    internal static DrafterOptions Read(DrafterSettings settings)
    {
        var defaults = new RsdCOptions();
        return ReadDraws(settings, defaults) with { Branches = settings.Text("branches") ?? defaults.Branches };
    }

    internal override void Validate()
    {
        base.Validate();
        var (nodes, level) = (0L, 1L);
        foreach (var count in _branching.AsSpan(0, Math.Min(_branching.Length, 32)))
        {
            Require("each of branches", count, 1, 63);
            nodes += level = Math.Min(level * count, 1000);
        }
        Require("length of branches", _branching.Length, 1, 31);
        Require("nodes of branches", nodes, 1, 63);
    }

    private protected override ModelDrafter Create(DraftModel model, DraftContext target) => new RsdCDrafter(this, model);
}
