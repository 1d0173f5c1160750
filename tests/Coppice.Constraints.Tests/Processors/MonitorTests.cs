using Coppice.Constraints.Tests.Support;

namespace Coppice.Constraints.Tests.Processors;

/// <summary>Monitors.</summary>
public sealed class MonitorTests
{
    private static readonly string[] Texts = ["h", "ho", "host", "hostN", "Name", "host(", "hosts", "port", " ", "(", ".", "x."];
    private static readonly TokenVocabulary Vocabulary = Vocabularies.Only(Texts);

    [Fact]
    public void Names_are_restricted_up_to_what_ends_them()
    {
        var constraint = new MonitorConstraint(Vocabulary, new Members("host", "hostName"), "server.");
        Assert.Equal([0, 1, 2, 3, 5], constraint.MaskOf(Vocabulary).Ids(Vocabulary));
        Assert.True(constraint.TryAdvance(2));
        Assert.Equal(["Name", " ", "(", "."], constraint.MaskOf(Vocabulary).Ids(Vocabulary).Where(id => id < Texts.Length).Select(id => Texts[id]));
        Assert.True(constraint.TryAdvance(4));
        Assert.True(constraint.TryAdvance(9));
        Assert.False(constraint.FillMask(new ulong[Vocabulary.MaskWords]));
        constraint.Rollback(1);
        Assert.False(constraint.TryAdvance(7));
    }

    [Fact]
    public void A_token_that_ends_in_the_trigger_triggers_at_once()
    {
        var constraint = new MonitorConstraint(Vocabulary, new Members("port"), "");
        Assert.False(constraint.FillMask(new ulong[Vocabulary.MaskWords]));
        Assert.True(constraint.TryAdvance(11));
        Assert.Equal([7], constraint.MaskOf(Vocabulary).Ids(Vocabulary).Where(id => id < Texts.Length));
    }

    [Fact]
    public void Every_name_after_a_trigger_is_one_of_the_set()
    {
        var random = new Random(3);
        string[] names = ["host", "hostName", "port"];
        // Every letter has a token, so that each name can be finished from wherever its tokens have led.
        string[] texts = [.. Texts, .. "abcdefghijklmnopqrstuvwxyzN".Select(letter => letter.ToString()).Except(Texts)];
        var vocabulary = Vocabularies.Only(texts);
        for (var walk = 0; walk < 1_000; walk++)
        {
            var constraint = new MonitorConstraint(vocabulary, new Members(names), "a.");
            var text = "";
            while (!text.Contains(' ', StringComparison.Ordinal) && !text.Contains('(', StringComparison.Ordinal) && !text.Contains('.', StringComparison.Ordinal))
            {
                var allowed = constraint.MaskOf(vocabulary).Ids(vocabulary).Where(id => id < texts.Length).ToArray();
                var token = allowed[random.Next(allowed.Length)];
                Assert.True(constraint.TryAdvance(token));
                text += texts[token];
            }
            Assert.Contains(text.Split(' ', '(', '.')[0], names);
        }
    }

    [Fact]
    public async Task A_slow_or_empty_analysis_leaves_the_step_free_and_is_counted()
    {
        var slow = new MonitorConstraint(Vocabulary, new Members("host") { Delay = TimeSpan.FromSeconds(30) }, "a.") { Timeout = TimeSpan.FromMilliseconds(20) };
        await slow.PrepareAsync(TestContext.Current.CancellationToken);
        Assert.False(slow.FillMask(new ulong[Vocabulary.MaskWords]));
        Assert.Equal(1, slow.Failures);
        Assert.False(new MonitorConstraint(Vocabulary, new Members(), "a.").FillMask(new ulong[Vocabulary.MaskWords]));
        // Names that no token can spell: the analysis may be wrong, so the step is free unless it must not be.
        Assert.False(new MonitorConstraint(Vocabulary, new Members("zzz"), "a.").FillMask(new ulong[Vocabulary.MaskWords]));
        Assert.True(new MonitorConstraint(Vocabulary, new Members("zzz"), "a.") { Strict = true }.FillMask(new ulong[Vocabulary.MaskWords]));
    }

    [Fact]
    public async Task Cancelling_leaves_the_state_as_it_was()
    {
        var constraint = new MonitorConstraint(Vocabulary, new Members("host") { Delay = TimeSpan.FromSeconds(30) }, "a.");
        using var source = new CancellationTokenSource(10);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await constraint.PrepareAsync(source.Token));
        Assert.Equal(0, constraint.Position);
        Assert.Equal(0, constraint.Failures);
    }

    private sealed class Members(params string[] names) : IMonitor
    {
        public TimeSpan Delay { get; init; }

        public bool ShouldTrigger(MonitoredText text) => text.EndsWith(".");

        public async ValueTask<IReadOnlyList<string>> AnalyzeAsync(MonitoredText text, CancellationToken cancellationToken)
        {
            if (Delay > TimeSpan.Zero) await Task.Delay(Delay, cancellationToken);
            return names;
        }

        public bool IsBreak(int codePoint) => !char.IsLetterOrDigit((char)codePoint) && codePoint != '_';
    }
}
