using Coppice.Kernels;

namespace Coppice.Cli.Measuring;

/// <summary>Rounds of one kind of pass, op by op.</summary>
/// <param name="pass">What the pass is called: prefill-TOKENS or decode-CONTEXT.</param>
internal sealed class OpTimes(string pass)
{
    private readonly List<IReadOnlyList<OpTotal>> _rounds = [];

    /// <summary>Adds a round. Every round of a kind does the same ops in the same order.</summary>
    public void Add(IReadOnlyList<OpTotal> totals)
    {
        if (_rounds is [var first, ..] && !first.Select(total => total.Name).SequenceEqual(totals.Select(total => total.Name)))
            throw new InvalidOperationException($"profile: {pass} did other ops in this round than in the first.");
        _rounds.Add(totals);
    }

    /// <summary>Kernels of a GPU for one such pass; null where its back end does not have one of the ops.</summary>
    public int? Launches => _rounds[0].Aggregate((int?)0, (sum, total) => sum + total.Launches);

    /// <summary>The medians over the rounds, beside what the device could do.</summary>
    /// <param name="gigabytes">10⁹ bytes that it reads in a second; null where that is unknown.</param>
    /// <param name="gigaflops">10⁹ multiplications and additions in a second; null where that is unknown.</param>
    public IEnumerable<ProfileRow> Rows(double? gigabytes, double? gigaflops)
    {
        for (var i = 0; i < _rounds[0].Count; i++)
        {
            var total = _rounds[0][i];
            var ms = SpeedRow.Median([.. _rounds.Select(round => round[i].Milliseconds)]);
            var (memory, arithmetic) = (total.Bytes / 1e6 / gigabytes, total.Flops / 1e6 / gigaflops);
            var least = memory is null ? arithmetic : Math.Max(memory.Value, arithmetic ?? 0);
            yield return new ProfileRow($"{pass} {total.Name}", total.Calls, ms, total.Bytes, total.Bytes / 1e6 / ms, least / ms,
                total.Launches);
        }
    }
}
