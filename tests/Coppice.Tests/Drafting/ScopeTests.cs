using System.Diagnostics;
using System.Runtime.CompilerServices;
using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Execution;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Drafting;

/// <summary>What is learned belongs to the model and a scope: shared by its sessions, apart from other scopes, freed with either.</summary>
public sealed class ScopeTests(ITestOutputHelper output)
{
    private const int Vocabulary = 50, MaxTokens = 8192;

    private static DraftContext Context() => new(
        null, (_, _) => throw new InvalidOperationException("there is no draft model"), (_, _, _, _) => null)
    {
        VocabularySize = Vocabulary,
        MaxTokens = MaxTokens,
        HiddenSize = 8,
        Folder = "",
    };

    private static int Next(int[] tokens) => tokens.Length < 2 ? 1 : (7 * tokens[^1] + 3 * tokens[^2] + 1) % 47;

    /// <summary>Passes that a text takes with a new session's drafter.</summary>
    private static int Passes(DraftContext context, string name)
    {
        using var drafter = DrafterOptions.Parse(name).Create(context);
        var target = new ToyTarget(Vocabulary, Next);
        target.Generate(drafter, [5, 6, 7], 100);
        return target.Given.Count;
    }

    [Theory]
    [InlineData("auto", 5)]
    [InlineData("suffix", 18)]
    [InlineData("aded", 40)]
    [InlineData("token-recycling", 95)]
    public void What_one_session_learned_helps_the_next_one_of_its_scope_alone(string name, int few)
    {
        var context = Context();
        var first = Passes(context, name);
        var again = Passes(context, name);
        Assert.InRange(again, 1, few);
        Assert.True(again < first, $"{again} passes after {first}");
        Assert.Equal(first, Passes(context.In(new CacheScope("other")), name));
        Assert.Equal(first, Passes(Context(), name));
        var scope = new CacheScope("tenant");
        Assert.Equal(first, Passes(context.In(scope), name));
        Assert.Equal(again, Passes(context.In(scope), name));
    }

    [Theory]
    [InlineData("auto:hot=false")]
    [InlineData("auto:history=0")]
    [InlineData("auto:history=4096")]
    [InlineData("suffix:hot=false")]
    [InlineData("suffix:history=4096")]
    [InlineData("aded:hot=false")]
    [InlineData("token-recycling:hot=false")]
    public void Options_that_ask_for_it_share_nothing(string name)
    {
        var context = Context();
        var first = Passes(context, name);
        Assert.Equal(0, context.Tables.Count);
        Assert.Equal(first, Passes(context, name));
    }

    [Fact]
    public void Scopes_are_identities()
    {
        var context = Context();
        var (one, two) = (new CacheScope("a"), new CacheScope("a"));
        Assert.NotSame(context.In(one).Tables, context.In(two).Tables);
        Assert.Same(context.In(one).Tables, context.In(one).Tables);
        Assert.Same(context.Tables, context.In(CacheScope.Default).Tables);
        Assert.Throws<ArgumentException>(() => new CacheScope(""));
        Assert.Equal("a", one.ToString());
        Assert.NotSame(context.Tables, Context().Tables);
    }

    [Fact]
    public void Tables_of_a_scope_that_is_dropped_are_freed_and_so_are_those_of_a_model()
    {
        var context = Context();
        var tables = Drop(context);
        var ofModel = OfModel();
        for (var i = 0; i < 10 && (tables.IsAlive || ofModel.IsAlive); i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        Assert.False(tables.IsAlive);
        Assert.False(ofModel.IsAlive);
        context.Clear();
        Assert.Equal(0, context.Tables.Count);
        GC.KeepAlive(context);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference Drop(DraftContext context)
        {
            var scope = new CacheScope("dropped");
            Passes(context.In(scope), "auto");
            return new WeakReference(context.In(scope).Tables);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference OfModel()
        {
            var context = Context();
            Passes(context, "auto");
            return new WeakReference(context.Tables);
        }
    }

    [Fact]
    public void The_number_of_shared_tables_is_bounded()
    {
        var tables = Context().Tables;
        for (var i = 0; i < 100; i++) tables.Get(i, () => new object());
        Assert.Equal(ScopeTables.MostTables, tables.Count);
        Assert.Same(tables.Get(0, () => new object()), tables.Get(0, () => new object()));
    }

    /// <summary>
    /// Drafters of a hundred sessions in the midst of texts of a thousand tokens, once the tables of the scope are there. What the thread
    /// has allocated is counted, which is more than what they hold; other tests that run meanwhile do not disturb that.
    /// </summary>
    [Theory]
    [InlineData("auto", 200 << 10)]
    [InlineData("none", 1 << 10)]
    public void A_session_costs_little_memory_besides_what_all_share(string name, int most)
    {
        const int Sessions = 100;
        var context = Context();
        int[] prompt = [.. Enumerable.Range(0, 1000).Select(i => i * i % Vocabulary)];
        Passes(context, name);
        var drafters = new List<Drafter>(Sessions);
        var options = DrafterOptions.Parse(name);
        var tree = new TokenTree(96, 31);
        var request = Requests.Of(prompt);
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Sessions; i++)
        {
            drafters.Add(options.Create(context));
            drafters[i].Begin(prompt);
            tree.Reset(prompt[^1]);
            drafters[i].Draft(request, tree);
        }
        allocated = (GC.GetAllocatedBytesForCurrentThread() - allocated) / Sessions;
        output.WriteLine($"{name}: {allocated} bytes a session");
        Assert.InRange(allocated, 0, most);
        drafters.ForEach(drafter => drafter.Dispose());
    }

    /// <summary>Each thread has a session; what they learn from each other changes the trees and no token.</summary>
    [Theory]
    [InlineData("auto")]
    [InlineData("suffix")]
    [InlineData("aded")]
    [InlineData("token-recycling")]
    public void Sessions_of_one_model_may_draft_at_the_same_time(string name)
    {
        var context = Context();
        Parallel.For(0, 8, session =>
        {
            using var drafter = DrafterOptions.Parse(name).Create(context);
            var random = new Random(session);
            for (var round = 0; round < 10; round++)
            {
                int[] prompt = [.. Enumerable.Range(0, 20).Select(_ => random.Next(Vocabulary))];
                List<int> expected = [.. prompt];
                while (expected.Count < prompt.Length + 60) expected.Add(Next([.. expected]));
                var given = new ToyTarget(Vocabulary, Next).Generate(drafter, prompt, 60);
                Assert.Equal(expected.Skip(prompt.Length), given.Take(60));
            }
        });
    }

    /// <summary>
    /// A draft and its verification take a lock each, which must not be felt: a few dozens of nanoseconds of some microseconds.
    /// </summary>
    [Fact]
    public void A_lock_that_nobody_else_wants_costs_less_than_a_hundredth_of_a_draft()
    {
        using var drafter = DrafterOptions.Parse("auto").Create(Context());
        int[] tokens = [.. Enumerable.Range(0, 2000).Select(i => i * i % Vocabulary)];
        drafter.Begin(tokens);
        var tree = new TokenTree(96, 31);
        var gate = new Lock();
        var costs = PassCosts.Of((1, 1), (96, 1));
        var (drafts, locks) = (double.PositiveInfinity, double.PositiveInfinity);
        for (var batch = 0; batch < 20; batch++)
        {
            drafts = Math.Min(drafts, Nanoseconds(() =>
            {
                tree.Reset(tokens[^1]);
                drafter.Draft(Requests.Of(tokens, costs), tree);
            }));
            locks = Math.Min(locks, Nanoseconds(() =>
            {
                lock (gate) tree.Reset(tokens[^1]);
            }));
        }
        Assert.True(locks < drafts / 25, $"a lock takes {locks:0} ns, a draft {drafts:0} ns");

        static double Nanoseconds(Action action)
        {
            var start = Stopwatch.GetTimestamp();
            for (var i = 0; i < 200; i++) action();
            return Stopwatch.GetElapsedTime(start).TotalNanoseconds / 200;
        }
    }
}
