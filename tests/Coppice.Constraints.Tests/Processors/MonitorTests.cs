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
        Assert.Equal(["Name", " ", "(", "."],
            constraint.MaskOf(Vocabulary).Ids(Vocabulary).Where(id => id < Texts.Length).Select(id => Texts[id]));
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
            while (!text.Contains(' ', StringComparison.Ordinal) && !text.Contains('(', StringComparison.Ordinal)
                && !text.Contains('.', StringComparison.Ordinal))
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
        var slow = new MonitorConstraint(Vocabulary, new Members("host") { Delay = TimeSpan.FromSeconds(30) },
            "a.")
        { Timeout = TimeSpan.FromMilliseconds(20) };
        await slow.PrepareAsync(TestContext.Current.CancellationToken);
        Assert.False(slow.FillMask(new ulong[Vocabulary.MaskWords]));
        Assert.Equal(1, slow.Failures);
        Assert.False(new MonitorConstraint(Vocabulary, new Members(), "a.").FillMask(new ulong[Vocabulary.MaskWords]));
        // Names that no token can spell: the analysis may be wrong, so the step is free unless it must not be.
        Assert.False(new MonitorConstraint(Vocabulary, new Members("zzz"), "a.").FillMask(new ulong[Vocabulary.MaskWords]));
        Assert.True(new MonitorConstraint(Vocabulary, new Members("zzz"), "a.") { Strict = true }
            .FillMask(new ulong[Vocabulary.MaskWords]));
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

    [Theory]
    [InlineData("switch (color) { case ", true)]
    [InlineData("staircase ", false)]
    [InlineData("case", false)]
    public void Enum_constants_come_after_case_and_may_have_a_dot(string text, bool isAsked)
    {
        var vocabulary = Vocabularies.Of("Color", "Color.Red", ".Red", "Red", ": ");
        var monitor = NameMonitor.EnumConstants((_, _) => new(["Color.Red", "Color.Blue"]));
        var constraint = new MonitorConstraint(vocabulary, monitor, text);
        Assert.Equal(isAsked, constraint.FillMask(new ulong[vocabulary.MaskWords]));
        if (!isAsked) return;
        Assert.True(Take(constraint, vocabulary, "Color"));
        Assert.False(Take(constraint, vocabulary, ":"));
        Assert.True(Take(constraint, vocabulary, ".Red"));
        Assert.True(Take(constraint, vocabulary, ":"));
        Assert.False(constraint.FillMask(new ulong[vocabulary.MaskWords]));
    }

    [Fact]
    public void Class_names_come_after_new()
    {
        var vocabulary = Vocabularies.Of();
        var constraint = new MonitorConstraint(vocabulary, NameMonitor.ClassNames((_, _) => new(["List", "Lock"])), "var x = new ");
        Assert.False(Take(constraint, vocabulary, "S"));
        Assert.True(Take(constraint, vocabulary, "L"));
        Assert.True(Take(constraint, vocabulary, "o"));
        Assert.False(Take(constraint, vocabulary, "("));
        Assert.True(Take(constraint, vocabulary, "c"));
        Assert.True(Take(constraint, vocabulary, "k"));
        Assert.True(Take(constraint, vocabulary, "("));
    }

    [Theory]
    [InlineData("x", true)]
    [InlineData("f(a)", true)]
    [InlineData("1", true)]
    [InlineData("\"text\"", true)]
    [InlineData("range.", false)]
    [InlineData("", false)]
    public void A_dot_after_a_value_asks_for_members(string before, bool isAsked) =>
        Assert.Equal(isAsked, NameMonitor.Dereference((_, _) => new(["a"])).ShouldTrigger(MonitoredText.Of(before + ".")));

    [Theory]
    [InlineData(0, ")", true)]
    [InlineData(0, " )", true)]
    [InlineData(0, "a", false)]
    [InlineData(2, "a, b)", true)]
    [InlineData(2, "a)", false)]
    [InlineData(2, "a,)", false)]
    [InlineData(2, ",", false)]
    [InlineData(2, "a, b,", false)]
    [InlineData(2, "f(1, 2, 3), new[] { 4, 5 })", true)]
    [InlineData(1, "\"a, \\\" b)\")", true)]
    [InlineData(2, "',', ')')", true)]
    [InlineData(2, "a; b", false)]
    [InlineData(1, "a]", false)]
    public void Arguments_are_counted(int count, string text, bool isAllowed)
    {
        var vocabulary = Vocabularies.Of(", ", "))", ",)");
        var constraint = new MonitorConstraint(vocabulary, new Arguments(count), "call(");
        Assert.Equal(isAllowed, text.All(c => Take(constraint, vocabulary, c.ToString())));
        if (!isAllowed) return;
        // After the closing bracket everything is free again; and every token so far was in its mask.
        Assert.False(constraint.FillMask(new ulong[vocabulary.MaskWords]));
        constraint.Rollback(0);
        foreach (var c in text)
        {
            Assert.True(constraint.MaskOf(vocabulary).Has(c));
            Assert.True(constraint.TryAdvance(c));
        }
    }

    [Fact]
    public void Unknown_numbers_of_arguments_and_overloads_leave_the_text_free() =>
        Assert.False(new MonitorConstraint(Vocabulary, new Arguments(null), "call(").FillMask(new ulong[Vocabulary.MaskWords]));

    [Fact]
    public void Monitors_hold_together()
    {
        var vocabulary = Vocabularies.Of();
        var both = new ConstraintIntersection(
            vocabulary, new MonitorConstraint(vocabulary, new Members("ab"), "call("),
                new MonitorConstraint(vocabulary, new Arguments(1), "call("));
        foreach (var c in "x.ab") Assert.True(Take(both, vocabulary, c.ToString()));
        Assert.False(Take(both, vocabulary, "c"));
        Assert.False(Take(both, vocabulary, ","));
        Assert.True(Take(both, vocabulary, ")"));
    }

    private static bool Take(ITokenConstraint constraint, TokenVocabulary vocabulary, string text)
    {
        for (var id = 0; id < vocabulary.Count; id++)
            if (vocabulary.BytesOf(id).SequenceEqual(System.Text.Encoding.UTF8.GetBytes(text))) return constraint.TryAdvance(id);
        throw new ArgumentException($"no token is \"{text}\"", nameof(text));
    }

    private sealed class Arguments(int? count) : IArgumentMonitor
    {
        public bool ShouldTrigger(MonitoredText text) => text.EndsWith("call(");

        public ValueTask<int?> CountAsync(MonitoredText text, CancellationToken cancellationToken) => new(count);
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
