using Coppice.Decoding.Verification;
using Coppice.Text;

namespace Coppice.Decoding.Strategies;

/// <summary>From the beams of a generation to texts: where a stop string ends one, and what is reported of each.</summary>
/// <param name="options">How it is generated.</param>
/// <param name="stop">What ends a beam by its tokens.</param>
/// <param name="tokenizer">Null for none.</param>
internal sealed class BeamTexts(GenerationOptions options, StopRule stop, Tokenizer? tokenizer)
{
    /// <summary>The search that <paramref name="beam"/> asks for.</summary>
    /// <param name="beam">How many, and when it ends.</param>
    /// <param name="constraints">Say what each may go on with; null for anything.</param>
    public BeamSearch Search(BeamSearchOptions beam, BeamConstraints? constraints) =>
        new(beam.Beams, stop, options.MinTokens, options.StopSequences.Count > 0 ? EndsText : null)
        {
            EndsWhole = constraints is null ? null : constraints.EndsWhole,
            LengthPenalty = beam.LengthPenalty,
            // One beam is greedy decoding, which ends where its text does.
            Stopping = beam.Beams == 1 ? EarlyStopping.True : beam.EarlyStopping,
        };

    /// <summary>The tokens of a beam with the text that each makes final.</summary>
    /// <param name="beam">It.</param>
    /// <param name="reason">Why it ended.</param>
    /// <param name="stream">Knows which stop string ended it.</param>
    public IReadOnlyList<GeneratedPiece> Pieces(ScoredDraft beam, out FinishReason reason, out TextStream stream)
    {
        stream = new TextStream(tokenizer, options);
        var pieces = new GeneratedPiece[beam.Tokens.Length];
        for (var i = 0; i < pieces.Length; i++)
            pieces[i] = new GeneratedPiece(stream.Append(beam.Tokens[i], i == pieces.Length - 1), beam.Tokens[i], null);
        reason = stream.StopFound ? FinishReason.Stop : stop.Ends(beam.Tokens[^1]) ? FinishReason.Eos
            : beam.IsWhole ? FinishReason.Stop : FinishReason.Length;
        return pieces;
    }

    /// <summary>All beams as a reader sees them.</summary>
    public IReadOnlyList<GeneratedSequence> Sequences(IEnumerable<ScoredDraft> beams, double lengthPenalty)
    {
        var sequences = new List<GeneratedSequence>();
        foreach (var beam in beams)
        {
            var pieces = Pieces(beam, out var reason, out _);
            var text = string.Concat(pieces.Select(piece => piece.Text));
            sequences.Add(new GeneratedSequence(beam.Tokens, text, beam.Score, beam.Normalized(lengthPenalty), reason));
        }
        return sequences;
    }

    private bool EndsText(int[] tokens)
    {
        var stream = new TextStream(tokenizer, options);
        for (var i = 0; i < tokens.Length && !stream.StopFound; i++) stream.Append(tokens[i], last: false);
        return stream.StopFound;
    }
}
