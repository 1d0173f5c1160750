namespace Coppice;

/// <summary>A host's own strategy.</summary>
/// <param name="Strategy">Makes the text; may serve several generations at once.</param>
public sealed record CustomStrategyOptions(IDecodingStrategy Strategy) : StepStrategyOptions
{
    /// <inheritdoc/>
    public override string Name => "custom";

    internal override void Validate() => ArgumentNullException.ThrowIfNull(Strategy);

    internal override IDecodingStrategy Create(StepSources sources) => Strategy;
}
