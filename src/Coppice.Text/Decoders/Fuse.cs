namespace Coppice.Text.Decoders;

/// <summary>Joins all tokens into one.</summary>
internal sealed class Fuse : DecoderStage
{
    /// <inheritdoc/>
    public override bool Fuses => true;

    /// <inheritdoc/>
    public override DecoderRun NewRun(bool fused) => new Run();

    /// <inheritdoc/>
    public override string Middle(string token) => token;

    /// <inheritdoc/>
    public override string Pass(string token, bool fused) => token;

    private sealed class Run : DecoderRun
    {
        public override bool HoldsNothing => Next!.HoldsNothing;

        public override void Push(ReadOnlySpan<char> token) => Emit(token);
    }
}
