namespace Coppice.Text.Decoders;

/// <summary>
/// Connectionist temporal classification: repeated tokens count once, the pad token disappears, a delimiter becomes a space.
/// </summary>
internal sealed class Ctc : DecoderStage
{
    private readonly string _pad;
    private readonly string _delimiter;
    private readonly bool _cleanUp;

    public Ctc(string pad, string delimiter, bool cleanUp)
    {
        _pad = pad;
        _delimiter = delimiter;
        _cleanUp = cleanUp;
    }

    /// <inheritdoc/>
    public override DecoderRun NewRun(bool fused) => fused ? new WholeText(Middle) : new Run(this);

    /// <inheritdoc/>
    public override string Middle(string token)
    {
        var text = _pad.Length == 0 ? token : token.Replace(_pad, "", StringComparison.Ordinal);
        if (!_cleanUp) return text;
        text = WordPieces.CleanUp(text);
        return _delimiter.Length == 0 ? text : text.Replace(_delimiter, " ", StringComparison.Ordinal);
    }

    private sealed class Run : DecoderRun
    {
        private readonly Ctc _stage;
        private string? _last;

        public Run(Ctc stage) => _stage = stage;

        public override void Push(ReadOnlySpan<char> token)
        {
            if (_last is not null && token.SequenceEqual(_last)) return;
            _last = token.ToString();
            var text = _stage.Middle(_last);
            if (text.Length > 0) Emit(text);
        }
    }
}
