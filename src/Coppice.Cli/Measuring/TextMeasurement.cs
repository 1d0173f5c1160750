using System.Collections.Concurrent;
using System.Numerics.Tensors;
using Coppice.Decoding.Sampling;

namespace Coppice.Cli.Measuring;

/// <summary>Scores a text, and compares each prediction with that of a reference, position by position.</summary>
internal sealed class TextMeasurement(int[] ids, int window, int vocabulary)
{
    private readonly List<double> _divergences = [];
    private double _sum, _referenceSum;
    private int _agreements;
    private int? _firstDivergence;

    /// <summary>Tokens scored so far.</summary>
    public int Scored { get; private set; }

    /// <summary>Runs the whole text through <paramref name="scorer"/> and, beside it, through <paramref name="reference"/>.</summary>
    public void Run(Scorer scorer, Scorer? reference, ProgressBar bar, CancellationToken cancellation)
    {
        if (reference is null)
        {
            Read(scorer, (first, end, logits) => Add(first, end, logits, null, bar), cancellation);
            return;
        }
        // Both pass over the text in the same order, but not always in the same blocks: the reference's wait in a queue.
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var blocks = new BlockingCollection<float[]>(boundedCapacity: 1);
        var producer = Task.Run(() => Produce(reference, blocks, stop.Token), CancellationToken.None);
        try
        {
            var rows = new RowReader(vocabulary, () => Next(blocks, producer, cancellation));
            Read(scorer, (first, end, logits) => Add(first, end, logits, rows, bar), cancellation);
        }
        finally
        {
            stop.Cancel();
            ((IAsyncResult)producer).AsyncWaitHandle.WaitOne();
        }
    }

    /// <summary>What has been measured.</summary>
    public PerplexityResult Result(MemoryBytes bytes) => new()
    {
        Tokens = ids.Length,
        MeanNll = _sum / Scored,
        Perplexity = Math.Exp(_sum / Scored),
        Reference = _divergences.Count == 0 ? null : new ReferenceResult
        {
            MeanNll = _referenceSum / Scored,
            KlMean = _divergences.Average(),
            KlP99 = Quantile(0.99),
            KlP999 = Quantile(0.999),
            Top1Agreement = (double)_agreements / Scored,
            FirstDivergence = _firstDivergence,
        },
        Bytes = bytes,
    };

    /// <summary>The divergence that a share of the positions does not exceed.</summary>
    private double Quantile(double share) => _divergences.Order().ElementAt((int)Math.Ceiling(share * _divergences.Count) - 1);

    private delegate void BlockReceiver(int first, int end, ReadOnlySpan<float> logits);

    /// <summary>Gives blocks of logits with the index of their first token in the text and the end of their context.</summary>
    private void Read(Scorer scorer, BlockReceiver receive, CancellationToken cancellation)
    {
        for (var start = 0; start + 1 < ids.Length; start += window)
        {
            var (from, end) = (start, Math.Min(start + window, ids.Length));
            scorer.Logits(ids.AsSpan(from, end - from), (position, logits) => receive(from + position, end, logits), cancellation);
        }
    }

    private void Produce(Scorer reference, BlockingCollection<float[]> blocks, CancellationToken stop)
    {
        try
        {
            Read(reference, (_, _, logits) => blocks.Add(logits.ToArray(), stop), stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested) { }
        finally
        {
            blocks.CompleteAdding();
        }
    }

    private static float[] Next(BlockingCollection<float[]> blocks, Task producer, CancellationToken cancellation)
    {
        if (blocks.TryTake(out var block, Timeout.Infinite, cancellation)) return block;
        producer.GetAwaiter().GetResult();
        throw new InvalidOperationException("perplexity: the reference must give as many logits as the model, it gave fewer.");
    }

    private void Add(int first, int end, ReadOnlySpan<float> logits, RowReader? reference, ProgressBar bar)
    {
        for (var i = 0; i < logits.Length / vocabulary; i++)
        {
            var other = reference is null ? default : reference.Next();
            if (first + i + 1 == end) break;
            var row = logits.Slice(i * vocabulary, vocabulary);
            var next = ids[first + i + 1];
            var logSum = LogProbabilities.LogSum(row);
            _sum += logSum - row[next];
            Scored++;
            if (!other.IsEmpty) Compare(row, logSum, other, next, first + i + 1);
        }
        bar.Report(first, ids.Length);
    }

    /// <summary>KL(p ‖ q) = Σ p (ln p - ln q), p the reference's.</summary>
    private void Compare(ReadOnlySpan<float> tested, double testedLogSum, ReadOnlySpan<float> reference, int next, int position)
    {
        var referenceLogSum = LogProbabilities.LogSum(reference);
        _referenceSum += referenceLogSum - reference[next];
        var divergence = 0.0;
        for (var token = 0; token < vocabulary; token++)
        {
            var logP = reference[token] - referenceLogSum;
            divergence += Math.Exp(logP) * (logP - (tested[token] - testedLogSum));
        }
        _divergences.Add(divergence);
        if (TensorPrimitives.IndexOfMax(tested) == TensorPrimitives.IndexOfMax(reference)) _agreements++;
        else _firstDivergence ??= position;
    }

    /// <summary>Rows of blocks, one after another.</summary>
    private sealed class RowReader(int vocabulary, Func<float[]> nextBlock)
    {
        private float[] _block = [];
        private int _at;

        /// <summary>The next row; valid until the next call.</summary>
        public ReadOnlySpan<float> Next()
        {
            if (_at == _block.Length) (_block, _at) = (nextBlock(), 0);
            _at += vocabulary;
            return _block.AsSpan(_at - vocabulary, vocabulary);
        }
    }
}
