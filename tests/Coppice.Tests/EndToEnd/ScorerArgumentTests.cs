using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>What a scorer cannot score: refused at once, with a reason.</summary>
public sealed class ScorerArgumentTests : IDisposable
{
    private readonly TinyModel _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Too_few_tokens_or_none_at_all_are_refused()
    {
        using var model = _folder.Load();
        using var scorer = new Scorer(model);
        Assert.Throws<ArgumentNullException>(() => scorer.NegativeLogLikelihoods(null!, cancellationToken: Cancellation));
        int[][] few = [[], [5]];
        foreach (var ids in few)
        {
            var error = Assert.Throws<ArgumentException>(() => scorer.NegativeLogLikelihoods(ids, cancellationToken: Cancellation));
            Assert.Contains($"at least 2 tokens must be there, got {ids.Length}", error.Message, StringComparison.Ordinal);
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => scorer.NegativeLogLikelihoods([5, 6], window: 1, Cancellation));
        Assert.Throws<ArgumentNullException>(() => scorer.LogProbabilities(default, Cancellation));
        Assert.Throws<ArgumentException>(() => scorer.LogProbabilities(new ScoredText([], []), Cancellation));
        await Assert.ThrowsAsync<ArgumentNullException>(() => scorer.LogProbabilitiesAsync([new([5], [6]), default], Cancellation));
        Assert.Empty(scorer.LogProbabilities(new ScoredText([], [5]), Cancellation));
        Assert.Single(scorer.NegativeLogLikelihoods([5, 6], cancellationToken: Cancellation));
    }
}
