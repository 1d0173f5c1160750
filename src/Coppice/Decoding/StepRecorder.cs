using Coppice.Decoding.Sampling;
using Coppice.Execution;

namespace Coppice.Decoding;

/// <summary>Writes the passes of a generation into its trace.</summary>
internal sealed class StepRecorder(GenerationTrace trace, Sequence sequence)
{
    private float[] Logits => field ??= new float[sequence.VocabularySize];

    /// <summary>Records the pass that was completed, while its output is there.</summary>
    /// <param name="request">The sequence's part of it.</param>
    /// <param name="accepted">Nodes that were accepted, the root among them; 0 for a piece of a prompt.</param>
    /// <param name="given">Tokens that it gave.</param>
    /// <param name="report">What the pass took.</param>
    /// <param name="draft">Time of proposing.</param>
    /// <param name="pass">Time of the model.</param>
    /// <param name="host">Time of the rest.</param>
    public void Add(PassRequest request, int accepted, int given, in PassReport report, TimeSpan draft, TimeSpan pass, TimeSpan host)
    {
        var isPrompt = accepted == 0;
        var path = sequence.Path.AsSpan(0, accepted);
        var tokens = sequence.Tokens[^given..];
        var probabilities = new TokenLogProbs[Math.Min(accepted, given)];
        for (var i = 0; i < probabilities.Length; i++)
        {
            request.Output.Download(path[i], Logits);
            probabilities[i] = LogProbabilities.Of(Logits, tokens[i], trace.BestTokens);
        }
        var tree = sequence.Tree;
        // The rows of a piece of the prompt are in the cache by now.
        var position = isPrompt ? sequence.Cache.Length - request.Rows : sequence.Count - given;
        trace.Add(new GenerationStep(
            position, isPrompt ? [] : tree.Tokens.ToArray(), isPrompt ? [] : tree.Parents.ToArray(), path.ToArray(),
            tokens.ToArray(), probabilities, request.Rows, report.Sequences, sequence.Cache.BytesInUse, draft, pass, host));
    }

    /// <summary>Records a pass over a piece of the prompt that was run before the generation itself began.</summary>
    /// <param name="request">The sequence's part of it.</param>
    /// <param name="report">What the pass took.</param>
    public void AddPrompt(PassRequest request, PassReport report) =>
        Add(request, accepted: 0, given: 0, report, TimeSpan.Zero, report.Time, TimeSpan.Zero);
}
