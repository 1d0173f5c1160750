using System.Text.RegularExpressions;
using System.Threading.Channels;
using Coppice.Constraints;
using Coppice.Decoding.Constraints;
using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Xunit;

namespace Coppice.Tests.Constraints;

/// <summary>Monitors in a generation, with the model that ships with the repository.</summary>
public sealed partial class MonitoredTextTests(ConstrainedTextTests.Tiny tiny) : IClassFixture<ConstrainedTextTests.Tiny>
{
    private static readonly string[] Members = ["Count", "CopyTo", "Contains", "Length"];

    [Theory]
    [InlineData("none", 0)]
    [InlineData("auto:guard=false", 0)]
    [InlineData("suffix:guard=false", 0)]
    [InlineData("none", 1)]
    [InlineData("auto:guard=false", 1)]
    public void Names_after_a_dot_are_members_also_where_the_answer_takes_a_while(string drafter, float temperature)
    {
        using var session = tiny.Model.NewSession();
        foreach (var prompt in (string[])["return items.", "var text = value."])
        {
            var options = new GenerationOptions { MaxTokens = 24, Temperature = temperature, Seed = 4 };
            var text = Text(options);
            Assert.Equal(text, Text(options with { Drafter = DrafterOptions.Parse(drafter) }));
            var names = AccessedMember().Matches(prompt + text);
            Assert.NotEmpty(names);
            Assert.All(names, name => Assert.Contains(name.Groups[1].Value, Members));

            string Text(GenerationOptions way)
            {
                var held = way with { Constraint = vocabulary => Monitored(vocabulary, prompt) };
                return string.Concat(session.Generate(prompt, held, TestContext.Current.CancellationToken).Select(piece => piece.Text));
            }
        }
    }

    /// <summary>
    /// The analysis runs while the device works: it is begun without being waited for, and when its answer is there before the pass is
    /// over, the step waits for nothing and asks nothing again.
    /// </summary>
    [Fact]
    public void The_analysis_runs_during_the_pass()
    {
        var monitor = new Answers();
        var vocabulary = tiny.Model.Vocabulary;
        var rule = new MonitorConstraint(vocabulary, monitor, "a.") { Timeout = TimeSpan.FromSeconds(60) };
        var constraint = new SequenceConstraint(new GenerationRule(rule, null), vocabulary, new StopRule(20, []), 20);
        Assert.False(constraint.TryPrepare());
        monitor.Give(["x"]);
        Assert.True(SpinWait.SpinUntil(constraint.TryPrepare, TimeSpan.FromSeconds(30)));
        Assert.False(constraint.Mask().IsEmpty);
        foreach (var c in "x.") constraint.Take(Token(vocabulary, c));
        constraint.Commit();
        var asked = monitor.Asked;
        constraint.BeginPreparing();
        Assert.Equal(asked + 1, monitor.Asked);
        Assert.True(constraint.IsPreparing);
        monitor.Give(["y"]);
        SpinWait.SpinUntil(() => !constraint.IsPreparing, TimeSpan.FromSeconds(30));
        Assert.True(constraint.TryPrepare());
        var mask = constraint.Mask();
        Assert.Equal(asked + 1, monitor.Asked);
        Assert.True(TokenMask.Allows(mask, Token(vocabulary, 'y')));
        Assert.False(TokenMask.Allows(mask, Token(vocabulary, 'x')));
    }

    /// <summary>A name after a dot that a monitor of members sees, and that is over.</summary>
    [GeneratedRegex("""(?<=[\p{L}\p{Nd}_)\]}">])\.([\p{L}\p{Nd}_]*)(?=[^\p{L}\p{Nd}_])""")]
    private static partial Regex AccessedMember();

    private static int Token(TokenVocabulary vocabulary, char text)
    {
        for (var id = 0; id < vocabulary.Count; id++)
            if (vocabulary.BytesOf(id) is [var only] && only == text) return id;
        throw new ArgumentException($"no token is {text}", nameof(text));
    }

    private static MonitorConstraint Monitored(TokenVocabulary vocabulary, string prompt)
    {
        var monitor = NameMonitor.Dereference(async (_, cancellation) =>
        {
            await Task.Delay(2, cancellation);
            return Members;
        });
        return new MonitorConstraint(vocabulary, monitor, prompt) { Timeout = TimeSpan.FromSeconds(60) };
    }

    /// <summary>Answers when it is told to.</summary>
    private sealed class Answers : IMonitor
    {
        private readonly Channel<IReadOnlyList<string>> _answers =
            Channel.CreateUnbounded<IReadOnlyList<string>>();
        private int _asked;

        public int Asked => Volatile.Read(ref _asked);

        public void Give(IReadOnlyList<string> names) => Assert.True(_answers.Writer.TryWrite(names));

        public bool ShouldTrigger(MonitoredText text) => text.EndsWith(".");

        public async ValueTask<IReadOnlyList<string>> AnalyzeAsync(MonitoredText text, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _asked);
            await Task.Yield();
            return await _answers.Reader.ReadAsync(cancellationToken);
        }

        public bool IsBreak(int codePoint) => codePoint == '.';
    }
}
