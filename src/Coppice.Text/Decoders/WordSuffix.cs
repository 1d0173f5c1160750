namespace Coppice.Text.Decoders;

/// <summary>Writes a space for the suffix that ends words, and nothing for that of the last token.</summary>
internal sealed class WordSuffix : DecoderStage
{
    private readonly string _suffix;

    public WordSuffix(string suffix) => _suffix = suffix;

    /// <inheritdoc/>
    public override DecoderRun NewRun(bool fused) => fused ? new WholeText(text => Replaced(text, "")) : new Run(this);

    /// <inheritdoc/>
    public override string Middle(string token) => Replaced(token, " ");

    private string Replaced(string token, string content) =>
        _suffix.Length == 0 ? token : token.Replace(_suffix, content, StringComparison.Ordinal);

    private sealed class Run : DecoderRun
    {
        private readonly WordSuffix _stage;
        private string? _held;

        public Run(WordSuffix stage) => _stage = stage;

        public override void Push(ReadOnlySpan<char> token)
        {
            if (_held is not null) Emit(_stage.Replaced(_held, " "));
            _held = token.ToString();
        }

        public override void End()
        {
            if (_held is not null) Emit(_stage.Replaced(_held, ""));
            base.End();
        }
    }
}
