using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Embeddings;

/// <summary>
/// Cancellation, a full queue, and whatever a host disposes at any moment: an exception at the next step, and every byte comes back.
/// </summary>
public sealed class EmbeddingLifetimeTests : IDisposable
{
    private readonly TinyEncoder _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_model_that_another_thread_disposes_ends_what_runs(bool isAsynchronous)
    {
        var texts = TinyEncoder.Texts(4000);
        for (var round = 0; round < 20; round++)
        {
            var model = _folder.Load();
            var memory = model.Model.Backend.Memory;
            var running = isAsynchronous
                ? model.EmbedAsync(texts, Cancellation) : Task.Run(() => model.Embed(texts, Cancellation), Cancellation);
            await Task.Delay(round, Cancellation);
            model.Dispose();
            await Assert.ThrowsAsync<ObjectDisposedException>(() => running);
            Assert.Equal(0, memory.BytesInUse);
            Assert.Throws<ObjectDisposedException>(() => model.Embed("a"));
            model.Dispose();
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Cancellation_ends_a_call_and_leaves_the_model_to_others(bool isAsynchronous)
    {
        using var model = _folder.Load();
        var texts = TinyEncoder.Texts(4000);
        var expected = model.Embed(texts[3]).Vector.ToArray();
        for (var round = 0; round < 20; round++)
        {
            using var source = new CancellationTokenSource();
            var token = source.Token;
            var running = isAsynchronous ? model.EmbedAsync(texts, token) : Task.Run(() => model.Embed(texts, token), Cancellation);
            await Task.Delay(round, Cancellation);
            await source.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
            Assert.Equal(expected, model.Embed(texts[3]).Vector.ToArray());
            Assert.Equal(model.Model.Runner.SharedPages!.Pages, model.Model.Runner.SharedPages.FreePages);
        }
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => model.EmbedAsync(["a"], new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task Loading_can_be_cancelled_and_frees_what_it_took()
    {
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => EmbeddingModel.LoadAsync(_folder.Folder,
            cancellationToken: new CancellationToken(canceled: true)));
        using var model = await EmbeddingModel.LoadAsync(_folder.Folder, new ModelOptions { Device = "cpu" },
            cancellationToken: Cancellation);
        Assert.Equal(TinyEncoder.Hidden, model.Embed("abc").Vector.Length);
    }

    /// <summary>One place and a queue of one: two texts of a call are taken, and it goes on as they come to their end.</summary>
    [Fact]
    public void A_call_fits_itself_to_a_short_queue()
    {
        using var model = _folder.Load(new ModelOptions { Device = "cpu", MaxSequences = 1, MaxQueued = 0 });
        using var wide = _folder.Load();
        var texts = TinyEncoder.Texts(20);
        var (expected, actual) = (wide.Embed(texts, Cancellation), model.Embed(texts, Cancellation));
        for (var i = 0; i < texts.Length; i++) Assert.Equal(expected[i].Vector.ToArray(), actual[i].Vector.ToArray());
    }

    [Fact]
    public void A_model_of_the_callers_outlives_the_embedding_of_its_texts()
    {
        using var folder = new TinyModel();
        TinyEncoder.WriteTokenizer(folder.Folder);
        using var model = folder.Load();
        float[] first;
        using (var embedding = new EmbeddingModel(model)) first = embedding.Embed("abc").Vector.ToArray();
        using var again = new EmbeddingModel(model);
        Assert.Equal(first, again.Embed("abc").Vector.ToArray());
        using var session = model.NewSession();
        Assert.Equal(5, session.Greedy(TinyModel.Prompt(9), 5).Length);
    }

    /// <summary>
    /// After the first texts of some length nothing is taken from pools, and managed memory is for results and tokens only.
    /// </summary>
    [Fact]
    public void Passes_take_nothing_from_pools()
    {
        using var model = _folder.Load(new ModelOptions { Device = "cpu", Threads = 1 });
        var texts = TinyEncoder.Texts(300);
        model.Embed(texts, Cancellation);
        var before = model.Model.Backend.Memory.BytesInUse;
        model.Embed(texts, Cancellation);
        Assert.Equal(before, model.Model.Backend.Memory.BytesInUse);
    }
}
