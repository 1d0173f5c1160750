using Coppice.Execution;
using Coppice.Models;
using Coppice.Text;

namespace Coppice;

/// <content>What a text attends to, by a pass over it that is not part of its generation.</content>
public sealed partial class Scorer
{
    /// <summary>
    /// Which tokens of a source an output was written from: runs prompt and output once and reads the attention of the rows that predict
    /// the output. Costs nothing while the output is generated.
    /// </summary>
    /// <param name="prompt">At least one token.</param>
    /// <param name="source">The part of the prompt that the output is aligned with.</param>
    /// <param name="output">Tokens after the prompt, at least one, generated or given.</param>
    /// <param name="options">Which attention counts.</param>
    /// <param name="cancellationToken">Takes effect within one pass.</param>
    /// <exception cref="ArgumentException">The source is not in the prompt, or the model does not have a layer or head.</exception>
    /// <inheritdoc cref="Logits" path="/exception"/>
    public async Task<TokenAlignment> AlignAsync(
        IReadOnlyList<int> prompt, Range source, IReadOnlyList<int> output, AlignmentOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        options ??= new AlignmentOptions();
        var ids = Ids(new ScoredText(prompt, output));
        Check(ids);
        if (prompt.Count == 0 || output.Count == 0)
            throw new ArgumentException(
                $"alignment: prompt and output must have tokens, got {prompt.Count} and {output.Count}.", nameof(output));
        var (start, count) = source.GetOffsetAndLength(prompt.Count);
        if (count == 0) throw new ArgumentException("alignment: the source must have tokens, got none.", nameof(source));
        var spec = _model.Runner.Spec;
        int[] layers = options.Layers.Count > 0 ? [.. options.Layers.Distinct().Order()]
            : [.. Enumerable.Range(spec.Layers.Count / 3, spec.Layers.Count - spec.Layers.Count / 3)];
        int[] heads = options.Heads.Count > 0 ? [.. options.Heads.Distinct()] : [.. Enumerable.Range(0, spec.QueryHeads)];
        Require("layers", layers, spec.Layers.Count);
        Require("heads", heads, spec.QueryHeads);
        // The last token predicts nothing that is asked for.
        var reader = new AttentionReader(spec, layers, heads, ids.Length - 1, prompt.Count - 1);
        var sequence = Rent(ids.AsSpan(0, ids.Length - 1), prompt.Count);
        var work = new AttentionWork(_model.Scheduler, sequence, reader) { IsAsynchronous = true };
        try
        {
            await using var registration = cancellationToken.UnsafeRegister(Cancel, work).ConfigureAwait(false);
            while (!work.IsAtEnd()) await work.WaitAsync().ConfigureAwait(false);
        }
        finally
        {
            await _model.Scheduler.WithdrawAsync(work).ConfigureAwait(false);
            Return(sequence);
        }
        var weights = reader.Weights(start..(start + count));
        return new TokenAlignment(Shaped(weights, Math.Max(options.Sinks - start, 0), options.Normalized));
    }

    /// <summary>What a solver needs of an output: where the model was not sure of it, and where it comes from.</summary>
    /// <param name="prompt">As for <see cref="AlignAsync"/>.</param>
    /// <param name="source">The same.</param>
    /// <param name="pieces">The output, with log-probabilities (<see cref="GenerationOptions.LogProbs"/>).</param>
    /// <param name="threshold">See <see cref="UncertainSpan.In"/>.</param>
    /// <param name="options">Which attention counts.</param>
    /// <param name="cancellationToken">Takes effect within one pass.</param>
    /// <exception cref="InvalidOperationException">The model's folder has no tokenizer.</exception>
    /// <inheritdoc cref="AlignAsync" path="/exception"/>
    public async Task<GuessResult> GuessAsync(
        IReadOnlyList<int> prompt, Range source, IReadOnlyList<GeneratedPiece> pieces, double threshold = .9,
        AlignmentOptions? options = null, CancellationToken cancellationToken = default)
    {
        var spans = UncertainSpan.In(pieces, threshold);
        var tokenizer = _model.Tokenizer
            ?? throw new InvalidOperationException("alignment: lines need a tokenizer, the model's folder has none.");
        int[] tokens = [.. pieces.Select(piece => piece.TokenId)];
        var alignment = await AlignAsync(prompt, source, tokens, options, cancellationToken).ConfigureAwait(false);
        var (start, count) = source.GetOffsetAndLength(prompt.Count);
        var lines = alignment.By(LinesOf(tokenizer, tokens), LinesOf(tokenizer, [.. prompt.Skip(start).Take(count)]));
        return new GuessResult(tokens, string.Concat(pieces.Select(piece => piece.Text)), spans, alignment, lines);
    }

    /// <summary>The line of each token, from 0: line ends in front of its text.</summary>
    private static int[] LinesOf(Tokenizer tokenizer, int[] tokens)
    {
        var (lines, line) = (new int[tokens.Length], 0);
        for (var i = 0; i < tokens.Length; i++)
        {
            lines[i] = line;
            line += tokenizer.TokenBytes(tokens[i]).Span.Count((byte)'\n');
        }
        return lines;
    }

    /// <summary>Without the first <paramref name="sinks"/> columns, and, where that is asked for, with rows that sum to 1.</summary>
    private static double[,] Shaped(double[,] weights, int sinks, bool isNormalized)
    {
        for (var row = 0; row < weights.GetLength(0); row++)
        {
            var sum = 0.0;
            for (var column = 0; column < weights.GetLength(1); column++)
            {
                if (column < sinks) weights[row, column] = 0;
                sum += weights[row, column];
            }
            for (var column = 0; column < weights.GetLength(1) && isNormalized && sum > 0; column++) weights[row, column] /= sum;
        }
        return weights;
    }

    private static void Require(string what, int[] found, int count)
    {
        if (Array.Find(found, item => item < 0 || item >= count) is var wrong && (wrong < 0 || wrong >= count))
            throw new ArgumentException($"alignment: {what} must be from 0 to {count - 1}, got {wrong}.");
    }
}
