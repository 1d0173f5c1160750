namespace Coppice.Text.Decoders;

/// <summary>A stage that rewrites each token by itself, knowing only whether it is the first.</summary>
internal sealed class TokenMap : DecoderStage
{
    private readonly Func<string, bool, string> _map;
    private readonly bool _byCharacter;

    /// <summary>
    /// A stage that applies <paramref name="map"/> to (token, is first); <paramref name="byCharacter"/> says that it treats each character
    /// by itself, so that a running text may be mapped part by part.
    /// </summary>
    public TokenMap(Func<string, bool, string> map, bool byCharacter)
    {
        _map = map;
        _byCharacter = byCharacter;
    }

    /// <inheritdoc/>
    public override DecoderRun NewRun(bool fused) =>
        !fused ? new Run(_map, false) : _byCharacter ? new Run(_map, true) : new WholeText(text => _map(text, true));

    /// <inheritdoc/>
    public override string Middle(string token) => _map(token, false);

    /// <inheritdoc/>
    public override string? Pass(string token, bool fused) => !fused || _byCharacter ? _map(token, fused) : null;

    /// <summary>What becomes of the first token.</summary>
    public string First(string token) => _map(token, true);

    private sealed class Run : DecoderRun
    {
        private readonly Func<string, bool, string> _map;
        private readonly bool _alwaysFirst;
        private bool _first = true;

        public Run(Func<string, bool, string> map, bool alwaysFirst)
        {
            _map = map;
            _alwaysFirst = alwaysFirst;
        }

        public override bool HoldsNothing => _first == _alwaysFirst && Next!.HoldsNothing;

        public override void Push(ReadOnlySpan<char> token)
        {
            Emit(_map(token.ToString(), _first));
            _first = _alwaysFirst;
        }
    }
}
