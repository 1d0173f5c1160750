namespace Coppice.Text.Decoders;

/// <summary>Removes one character from the start and from the end of each token, up to a number of times each.</summary>
internal sealed class Strip : DecoderStage
{
    private readonly string _content;
    private readonly int _start;
    private readonly int _stop;

    public Strip(string content, int start, int stop)
    {
        _content = content;
        _start = start;
        _stop = stop;
    }

    /// <inheritdoc/>
    public override DecoderRun NewRun(bool fused) =>
        !fused ? new TokenRun(this) : StripsBeginning ? new LeadingRun(_content[0], _start) : new WholeText(Stripped);

    /// <inheritdoc/>
    public override string Middle(string token) => Stripped(token);

    /// <inheritdoc/>
    public override string? Pass(string token, bool fused) => !fused ? Stripped(token) : StripsBeginning ? token : null;

    private bool StripsBeginning => _stop == 0 && _content.Length == 1;

    private string Stripped(string token)
    {
        var (from, to) = (0, token.Length);
        for (var i = 0; i < _start && token.AsSpan(from).StartsWith(_content, StringComparison.Ordinal); i++) from += _content.Length;
        for (var i = 0; i < _stop && token.AsSpan(from..to).EndsWith(_content, StringComparison.Ordinal); i++) to -= _content.Length;
        return token[from..to];
    }

    private sealed class TokenRun : DecoderRun
    {
        private readonly Strip _strip;

        public TokenRun(Strip strip) => _strip = strip;

        public override bool HoldsNothing => Next!.HoldsNothing;

        public override void Push(ReadOnlySpan<char> token) => Emit(_strip.Stripped(token.ToString()));
    }

    /// <summary>Strips the start of a running text.</summary>
    private sealed class LeadingRun : DecoderRun
    {
        private readonly char _content;
        private int _left;

        public LeadingRun(char content, int left)
        {
            _content = content;
            _left = left;
        }

        public override bool HoldsNothing => _left == 0 && Next!.HoldsNothing;

        public override void Push(ReadOnlySpan<char> token)
        {
            var from = 0;
            while (_left > 0 && from < token.Length && token[from] == _content)
            {
                from++;
                _left--;
            }
            if (from < token.Length) _left = 0;
            Emit(token[from..]);
        }
    }
}
