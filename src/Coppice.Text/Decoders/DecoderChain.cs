using System.Text;

namespace Coppice.Text.Decoders;

/// <summary>The stages of a decoder in order; without any, tokens are joined by spaces. Immutable.</summary>
internal sealed class DecoderChain
{
    private readonly DecoderStage[] _stages;

    /// <summary>A chain of stages, or null for the plain join.</summary>
    public DecoderChain(DecoderStage[]? stages) => _stages = stages ?? [new SpaceJoin()];

    /// <summary>Starts a sequence whose text goes to <paramref name="output"/>.</summary>
    public DecoderRun NewRun(StringBuilder output)
    {
        DecoderRun? first = null;
        DecoderRun? last = null;
        var fused = false;
        foreach (var stage in _stages)
        {
            var run = stage.NewRun(fused);
            if (last is null) first = run;
            else last.Next = run;
            last = run;
            fused |= stage.Fuses;
        }
        var end = new Output(output);
        if (last is null) return end;
        last.Next = end;
        return first!;
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

    private sealed class Output : DecoderRun
    {
        private readonly StringBuilder _output;

        public Output(StringBuilder output) => _output = output;

        public override void Push(string token) => _output.Append(token);

        public override void End() { }
    }

    private sealed class SpaceJoin : DecoderStage
    {
        public override DecoderRun NewRun(bool fused) => new TokenMap((token, first) => first ? token : " " + token, false).NewRun(false);

        public override string Middle(string token) => " " + token;
    }
}
