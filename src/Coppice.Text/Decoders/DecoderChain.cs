using System.Text;

namespace Coppice.Text.Decoders;

/// <summary>The stages of a decoder in order; without any, tokens are joined by spaces. Immutable.</summary>
internal sealed class DecoderChain
{
    private readonly DecoderStage[] _stages;
    private readonly TokenMap[] _lead;

    /// <summary>A chain of stages, or null for the plain join.</summary>
    public DecoderChain(DecoderStage[]? stages)
    {
        _stages = stages ?? [new TokenMap((token, first) => first ? token : " " + token, byCharacter: false)];
        _lead = [.. _stages.TakeWhile(stage => stage is TokenMap).Cast<TokenMap>()];
    }

    /// <summary>What can be known of a token by itself.</summary>
    public DecodedToken Know(string form, bool isSpecial)
    {
        var middle = _lead.Aggregate(form, (token, map) => map.Middle(token));
        var rest = _stages.AsSpan(_lead.Length);
        var bytes = rest.IsEmpty ? null : rest[0].MiddleBytes(middle);
        var (passing, fused) = ((string?)middle, false);
        foreach (var stage in rest)
        {
            passing = passing is null ? null : stage.Pass(passing, fused);
            fused |= stage.Fuses;
        }
        return new DecodedToken(form, middle, bytes, passing ?? Encoding.UTF8.GetString(MiddleBytes(form)), passing is not null, isSpecial);
    }

    /// <summary>Starts a sequence whose text goes to <paramref name="output"/>.</summary>
    public Sequence NewSequence(TextBuffer output)
    {
        DecoderRun? first = null;
        DecoderRun? last = null;
        var fused = false;
        foreach (var stage in _stages.AsSpan(_lead.Length))
        {
            var run = stage.NewRun(fused);
            if (last is null) first = run;
            else last.Next = run;
            last = run;
            fused |= stage.Fuses;
        }
        var end = new Output(output);
        if (last is not null) last.Next = end;
        return new Sequence(_lead, first ?? end, output);
    }

    /// <summary>The bytes that a token adds to a text in which it is neither first nor last.</summary>
    public byte[] MiddleBytes(string token)
    {
        var fused = false;
        foreach (var stage in _stages)
        {
            if (stage.MiddleBytes(token) is { } bytes) return bytes;
            // What acts on a running text as a whole changes its ends only, except for a replacement of characters.
            if (!fused || stage is TokenMap) token = stage.Middle(token);
            fused |= stage.Fuses;
        }
        return Encoding.UTF8.GetBytes(token);
    }

    /// <summary>
    /// A sequence that is decoded token by token. What the first stages, those that map each token by itself, make of a token is known
    /// unless it is the first. While no stage holds anything back, most tokens go to the output without a look at the stages.
    /// </summary>
    internal sealed class Sequence(TokenMap[] lead, DecoderRun run, TextBuffer output)
    {
        private bool _begun, _isOpen;

        /// <summary>
        /// Whether <paramref name="token"/>, as the next one, adds its text and changes nothing else: then it need not be pushed.
        /// </summary>
        public bool Passes(DecodedToken token) => _isOpen && token.Passes;

        /// <summary>Takes the next token.</summary>
        public void Push(DecodedToken token)
        {
            if (Passes(token))
            {
                output.Append(token);
                return;
            }
            if (_begun) _isOpen = run.Push(token);
            else PushFirst(token);
        }

        private void PushFirst(DecodedToken token)
        {
            run.Push(lead.Aggregate(token.Form, (text, map) => map.First(text)));
            _begun = true;
            _isOpen = run.HoldsNothing;
        }

        /// <summary>Hands on all that no later token can change.</summary>
        public void Settle()
        {
            run.Settle();
            _isOpen = _begun && run.HoldsNothing;
        }

        /// <summary>The sequence is complete: hands on what was held back.</summary>
        public void End() => run.End();
    }

    private sealed class Output(TextBuffer output) : DecoderRun
    {
        public override bool HoldsNothing => true;

        public override void Push(ReadOnlySpan<char> token) => output.Append(token);

        public override void Settle() { }

        public override void End() { }
    }
}
