using Coppice.Kernels;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Drafts;

/// <summary>Readers that leave at any step, read twice or at once, and drafts in the largest number.</summary>
public sealed class DraftsReadersTests : IDisposable
{
    private readonly TinyModel _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    public static TheoryData<DraftsMethod> Methods => [DraftsMethod.Superposed, DraftsMethod.Batched, DraftsMethod.Beam];

    /// <summary>However a reader leaves, nothing stays, and the session gives the same drafts again.</summary>
    [Theory, MemberData(nameof(Methods))]
    public async Task A_reader_may_leave_at_any_step(DraftsMethod method)
    {
        using var model = _folder.Load();
        var options = new DraftsOptions { Method = method, MaxTokens = 7, IgnoreEos = true, Temperature = 1 };
        var prompt = TinyModel.Prompt(70);
        using var session = model.NewSession();
        var expected = (await session.LastDrafts(prompt, options)).Drafts.Select(draft => draft.Key());
        for (var step = 0; step <= 7; step++)
        {
            using var source = new CancellationTokenSource();
            if (step == 0) await source.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            {
                await foreach (var update in session.GenerateDraftsAsync(prompt, options, source.Token))
                    if (update.Step == step) await source.CancelAsync();
                source.Token.ThrowIfCancellationRequested();
            });
            await foreach (var update in session.GenerateDraftsAsync(prompt, options, Cancellation))
                if (update.Step > step) break;
            await Assert.ThrowsAsync<FormatException>(async () =>
            {
                await foreach (var update in session.GenerateDraftsAsync(prompt, options, Cancellation))
                    if (update.Step >= step) throw new FormatException();
            });
            Assert.Equal(expected, (await session.LastDrafts(prompt, options)).Drafts.Select(draft => draft.Key()));
        }
        session.Reset();
        model.Prefixes?.Clear(CacheScope.Default);
        Assert.Equal((model.Runner.SharedPages!.Pages, 0), (model.Runner.SharedPages.FreePages, model.Scheduler.Load));
    }

    [Theory, MemberData(nameof(Methods))]
    public async Task A_stream_may_be_read_twice_but_not_beside_another_of_the_session(DraftsMethod method)
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var stream = session.GenerateDraftsAsync(TinyModel.Prompt(9), new() { Method = method }, Cancellation);
        var texts = new List<string>();
        for (var i = 0; i < 2; i++)
        {
            var last = "";
            await foreach (var update in stream) last = string.Join('|', update.Drafts.Select(draft => draft.Key()));
            texts.Add(last);
        }
        Assert.Equal(texts[0], texts[1]);
        await foreach (var _ in stream)
        {
            await Assert.ThrowsAsync<InvalidOperationException>(async () => { await foreach (var _ in stream) { } });
            Assert.Throws<InvalidOperationException>(() => session.Ids([2, 3]));
            using var other = model.NewSession();
            Assert.Equal(texts[0], string.Join('|', (await other.LastDrafts(TinyModel.Prompt(9), new() { Method = method })).Drafts
                .Select(draft => draft.Key())));
        }
    }

    /// <summary>All beginnings with all drafts of each; and as many beams and samples as there can be.</summary>
    [Fact]
    public async Task The_largest_numbers_of_drafts_are_made()
    {
        using var model =
            _folder.Load(new ModelOptions { Device = "cpu", ContextLength = 128, KvCache = new() { SharedTokens = 64 * 200 } });
        using var session = model.NewSession();
        var options = new DraftsOptions { Count = 32, MaxTokens = 6, IgnoreEos = true, Temperature = 1.5f, TopP = 1 };
        DraftsOptions[] kinds =
        [
            options with { Prefixes = 32, PrefixTokens = 3 }, options with { Method = DraftsMethod.Beam },
            options with { Method = DraftsMethod.Superposed, Diversity = true }, options with { Distinct = true },
        ];
        foreach (var kind in kinds)
        {
            var updates = await session.AllDrafts(TinyModel.Prompt(20), kind);
            var (last, most) = (updates[^1].Drafts, 32 * Math.Max(kind.Prefixes, 1));
            Assert.InRange(last.Count, most / 2, most);
            Assert.Equal(last.Count, last.Select(draft => draft.Key()).Distinct().Count());
            Assert.All(last, draft => Assert.Equal(6, draft.Ids.Count));
            for (var i = 1; i < updates.Count - 1; i++)
            {
                Assert.All(updates[i].Drafts, draft =>
                    Assert.Equal(updates[i - 1].Drafts[draft.Parent!.Value].Ids, draft.Ids.Take(draft.Ids.Count - 1)));
            }
        }
        // What does not fit is refused before anything is computed.
        using var small = _folder.Load(new ModelOptions { Device = "cpu", ContextLength = 128, KvCache = new() { SharedTokens = 64 * 8 } });
        using var one = small.NewSession();
        await Assert.ThrowsAsync<DeviceMemoryException>(() => one.LastDrafts(TinyModel.Prompt(20), kinds[1] with { MaxTokens = 90 }));
        Assert.Equal(3, (await one.LastDrafts(TinyModel.Prompt(20), new() { IgnoreEos = true })).Drafts.Count);
    }
}
