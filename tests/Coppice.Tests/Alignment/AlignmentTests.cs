using Coppice.Execution;
using Coppice.Models;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Alignment;

/// <summary>What a text attends to, and which lines of a source an output comes from.</summary>
public sealed class AlignmentTests : IDisposable
{
    private static readonly string Lines = string.Concat(
        "public int Count", "\n    private readonly string[] names", "\n        while (queue.TryDequeue(out var next))",
        "\n    throw new ArgumentException(message)", "\n  /// <summary>Returns the length.</summary>",
        "\n    internal static bool IsEmpty(Span<byte> data)", "\n        return first + second", "\n  using System.Collections.Generic",
        "\n    foreach (var item in items) Add(item)", "\n        catch (IOException error)", "\n    await task.ConfigureAwait(false)",
        "\n  namespace Example.Tools", "\n    lock (_gate) _waiting.Enqueue(work)", "\n        default: throw Refused(name)",
        "\n  [Theory, InlineData(3)]", "\n    public void Dispose() => _stream.Close()", "\n      var total = prices.Sum()",
        "\n        if (index < 0) index = ~index", "\n  enum Colour { Red, Green, Blue }", "\n    yield return line.Trim()",
        "\n      ref var node = ref nodes[parent]", "\n   const double Bit = 0.693", "\n        Console.WriteLine(answer)",
        "\n  protected override string Describe()", "\n");

    private readonly TinyModel _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(null)]
    [InlineData("f16")]
    public void What_a_row_attends_to_is_one_and_is_the_same_however_the_text_is_cut(string? cache)
    {
        var exact = new ModelOptions
        {
            Device = "cpu",
            ContextLength = 128,
            KvCache = new KvCacheOptions { Type = Kernels.ElementType.F32 },
        };
        using var model = _folder.Load(cache is null ? exact : null);
        var tokens = TinyModel.Prompt(40);
        var whole = Read(model, tokens, rows: 40);
        foreach (var rows in (int[])[1, 7])
        {
            var cut = Read(model, tokens, rows);
            for (var row = 0; row < whole.GetLength(0); row++)
                for (var column = 0; column < 40; column++) Assert.Equal(whole[row, column], cut[row, column], 1e-3);
        }
        for (var row = 0; row < whole.GetLength(0); row++)
        {
            Assert.Equal(1, Enumerable.Range(0, 40).Sum(column => whole[row, column]), 1e-4);
            // Nothing after the row itself, which is position 10 and on.
            Assert.All(Enumerable.Range(row + 11, 29 - row), column => Assert.Equal(0, whole[row, column]));
            Assert.All(Enumerable.Range(0, row + 11), column => Assert.InRange(whole[row, column], 1e-9, 1));
        }
    }

    /// <summary>Layers with a window look no further back than it.</summary>
    [Fact]
    public void A_window_bounds_what_is_attended_to()
    {
        using var folder = new TinyModel("""
            {"model_type": "mistral", "vocab_size": 96, "hidden_size": 48, "num_attention_heads": 4, "num_key_value_heads": 2,
             "intermediate_size": 80, "num_hidden_layers": 2, "max_position_embeddings": 256, "rms_norm_eps": 1e-5,
             "tie_word_embeddings": false, "sliding_window": 8, "eos_token_id": 1}
            """);
        using var model = folder.Load();
        Assert.Equal(8, model.Runner.Spec.Layers[0].Window);
        var weights = Read(model, TinyModel.Prompt(40), rows: 40);
        for (var row = 0; row < weights.GetLength(0); row++)
        {
            var position = 10 + row;
            Assert.Equal(1, Enumerable.Range(0, 40).Sum(column => weights[row, column]), 1e-4);
            Assert.All(Enumerable.Range(0, position - 7), column => Assert.Equal(0, weights[row, column]));
            Assert.All(Enumerable.Range(position - 7, 8), column => Assert.True(weights[row, column] > 0));
        }
    }

    /// <summary>The row that predicts a token is that of the token before it; sinks are left out, and what is left is one.</summary>
    [Fact]
    public async Task An_alignment_is_of_the_rows_that_predict_the_output()
    {
        using var model = _folder.Load();
        using var scorer = new Scorer(model);
        var tokens = TinyModel.Prompt(30);
        var (prompt, output) = (tokens[..20], tokens[20..]);
        var all = await scorer.AlignAsync(
            prompt, .., output, new AlignmentOptions { Layers = [0, 1], Sinks = 0, Normalized = false },
            TestContext.Current.CancellationToken);
        Assert.Equal((10, 20), (all.Outputs, all.Sources));
        var expected = Read(model, tokens[..^1], rows: 29, first: 19);
        for (var i = 0; i < 10; i++)
            for (var j = 0; j < 20; j++) Assert.Equal(expected[i, j], all[i, j], 1e-6);
        // The first row attends to the prompt alone.
        Assert.Equal(1, Enumerable.Range(0, 20).Sum(j => all[0, j]), 1e-6);
        var part = await scorer.AlignAsync(prompt, 0..8, output, new AlignmentOptions { Sinks = 2 }, TestContext.Current.CancellationToken);
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal((0, 0), (part[i, 0], part[i, 1]));
            Assert.Equal(1, Enumerable.Range(0, 8).Sum(j => part[i, j]), 1e-9);
        }
    }

    [Fact]
    public async Task What_does_not_fit_is_refused()
    {
        using var model = _folder.Load();
        using var scorer = new Scorer(model);
        int[] prompt = [3, 4, 5];
        var cancellation = TestContext.Current.CancellationToken;
        await Assert.ThrowsAsync<ArgumentException>(() => scorer.AlignAsync(prompt, .., [], null, cancellation));
        await Assert.ThrowsAsync<ArgumentException>(() => scorer.AlignAsync([], .., prompt, null, cancellation));
        await Assert.ThrowsAsync<ArgumentException>(() => scorer.AlignAsync(prompt, 1..1, prompt, null, cancellation));
        await Assert.ThrowsAsync<ArgumentException>(() => scorer.AlignAsync(prompt, .., prompt, new() { Layers = [2] }, cancellation));
        await Assert.ThrowsAsync<ArgumentException>(() => scorer.AlignAsync(prompt, .., prompt, new() { Heads = [-1] }, cancellation));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => scorer.AlignAsync(prompt, .., prompt, null, new(canceled: true)));
    }

    [Fact]
    public void Lines_are_aligned_by_what_their_tokens_attend_to()
    {
        var tokens = new TokenAlignment(new double[,] { { .6, .4, 0 }, { .2, .5, .3 }, { 0, .1, .9 } });
        var lines = tokens.By([0, 0, 1], [0, 0, 1]);
        Assert.Equal((2, 2), (lines.Outputs, lines.Sources));
        Assert.Equal((.85, .15), (lines[0, 0], lines[0, 1]));
        Assert.Equal((.1, .9), (Math.Round(lines[1, 0], 9), lines[1, 1]));
        Assert.Equal([0, 1], lines.Best());
        // Each by itself crosses; in order the best in sum.
        var crossed = new LineAlignment(new[,] { { .3, .2, .5 }, { .6, .3, .1 }, { .2, .1, .7 } });
        Assert.Equal([2, 0, 2], crossed.Best());
        Assert.Equal([0, 0, 2], crossed.Monotone());
        Assert.Throws<ArgumentException>(() => tokens.By([0, 0], [0, 0, 1]));
        Assert.Throws<ArgumentException>(() => tokens.By([1, 0, 1], [0, 0, 1]));
    }

    /// <summary>All paths of small matrices.</summary>
    [Fact]
    public void The_monotone_alignment_is_the_best_of_all()
    {
        var random = new Random(5);
        for (var round = 0; round < 200; round++)
        {
            var (rows, columns) = (random.Next(1, 5), random.Next(1, 5));
            var weights = new double[rows, columns];
            for (var i = 0; i < rows; i++)
                for (var j = 0; j < columns; j++) weights[i, j] = random.Next(4);
            var found = new LineAlignment(weights).Monotone();
            Assert.Equal(found.Order(), found);
            Assert.Equal(Paths(rows, columns).Max(Sum), Sum([.. found]));

            double Sum(int[] path) => path.Select((column, row) => weights[row, column]).Sum();
        }

        static IEnumerable<int[]> Paths(int rows, int columns, int from = 0) => rows == 0
            ? [[]]
            : Enumerable.Range(from, columns - from)
                .SelectMany(first => Paths(rows - 1, columns, first).Select(rest => (int[])[first, .. rest]));
    }

    /// <summary>
    /// A copy is aligned with what it copies, line by line. What stands between them keeps the end of the source out of the sight of those
    /// heads that look at their neighbours.
    /// </summary>
    [Fact]
    public async Task Lines_that_are_copied_are_aligned_with_their_originals()
    {
        using var model = LanguageModel.Load(
            SharedData.Require("models/smollm2-135m-instruct"), new ModelOptions { Device = "cpu", ContextLength = 1024 });
        using var scorer = new Scorer(model);
        var source = model.Tokenizer!.Encode(Lines, addSpecialTokens: false);
        int[] prompt = [.. source, .. model.Tokenizer.Encode("\nThe same lines once more, without any change, one after the other:\n\n")];
        var pieces = source.Select(id => new GeneratedPiece("", id, new TokenLogProbs(0, []))).ToArray();
        var guess = await scorer.GuessAsync(prompt, ..source.Length, pieces, cancellationToken: TestContext.Current.CancellationToken);
        var expected = Enumerable.Range(0, guess.Lines.Outputs).ToArray();
        Assert.Equal((24, 24), (guess.Lines.Outputs, guess.Lines.Sources));
        Assert.True(guess.Lines.Best().Zip(expected).Count(pair => pair.First == pair.Second) >= .95 * expected.Length,
            string.Join(' ', guess.Lines.Best()));
        Assert.Equal(expected, guess.Lines.Monotone());
    }

    [Fact]
    public async Task A_guess_has_its_text_what_is_uncertain_and_where_it_comes_from()
    {
        using var model = LanguageModel.Load(
            Path.Combine(SharedData.Repository, "weights", "tiny"), new ModelOptions { Device = "cpu", ContextLength = 1024 });
        using var session = model.NewSession();
        using var scorer = new Scorer(model);
        var prompt = model.Tokenizer!.Encode(Lines);
        var pieces = session.Pieces(prompt, new() { MaxTokens = 40, LogProbs = 3 });
        var guess = await scorer.GuessAsync(prompt, .., pieces, .8, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(pieces.Select(piece => piece.TokenId), guess.Tokens);
        Assert.Equal(session.LastResult!.Text, guess.Text);
        var unsure = guess.Spans.SelectMany(span => Enumerable.Range(span.Start, span.End - span.Start)).ToHashSet();
        for (var i = 0; i < pieces.Count; i++) Assert.Equal(Math.Exp(pieces[i].LogProbs!.Chosen) < .8, unsure.Contains(i));
        Assert.Equal((pieces.Count, prompt.Length), (guess.Alignment.Outputs, guess.Alignment.Sources));
        Assert.Equal(24, guess.Lines.Sources);
        // It was looked at, and nothing of the generation has changed.
        Assert.Equal(guess.Tokens, session.Ids(prompt, new() { MaxTokens = 40 }));
    }

    /// <summary>Attention of the rows from <paramref name="first"/> on over all positions, by passes of some rows.</summary>
    private static double[,] Read(LanguageModel model, int[] tokens, int rows, int first = 10)
    {
        var reader = new AttentionReader(model.Runner.Spec, [0, 1], [0, 1, 2, 3], tokens.Length, first);
        using var cache = model.Runner.NewCache(tokens.Length);
        var request = new PassRequest();
        for (var at = 0; at < tokens.Length; at += rows)
        {
            var count = Math.Min(rows, tokens.Length - at);
            request.Stretch(cache, tokens.AsMemory(at, count), nodes: 0);
            request.Attention = reader;
            model.Runner.Run(request);
            cache.Advance(count);
        }
        return reader.Weights(..);
    }
}
