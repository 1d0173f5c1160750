using Coppice.Execution;
using Coppice.Models;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Drafting.Heads;

/// <summary>What heads compute, against a reference in double precision and against themselves.</summary>
public sealed class HeadForwardTests : IDisposable
{
    private const double Tolerance = 1e-4;

    private readonly HeadBench _bench = new();

    public void Dispose() => _bench.Dispose();

    /// <summary>MH2 of the specification.</summary>
    [Theory, InlineData("cpu"), InlineData("ilgpu-cpu")]
    public void Medusas_logits_are_those_of_the_reference(string device)
    {
        using var bench = new HeadBench(device);
        using var files = new TinyHeads("v1", bench.Folder, heads: 2);
        var reference = new HeadReference(files, HeadBench.Width, bench.Embedding);
        var heads = bench.Open(files.Folder, HeadKind.Medusa);
        var states = HeadBench.States(3);
        var (tokens, logits) = HeadBench.Medusa(heads, states);
        for (var row = 0; row < 6; row++)
        {
            var expected = reference.Medusa(row / 3, states.AsSpan(row % 3 * HeadBench.Width, HeadBench.Width));
            Check(expected, tokens.AsSpan(row * heads.Heads.Top, heads.Heads.Top), logits.AsSpan(row * heads.Heads.Top, heads.Heads.Top));
        }
    }

    [Theory, InlineData("cpu"), InlineData("ilgpu-cpu")]
    public void Hydras_logits_are_those_of_the_reference(string device)
    {
        using var bench = new HeadBench(device);
        using var files = new TinyHeads("hydra", bench.Folder);
        var reference = new HeadReference(files, HeadBench.Width, bench.Embedding);
        var heads = bench.Open(files.Folder, HeadKind.Hydra);
        var states = HeadBench.States(4);
        for (var head = 0; head < files.Heads; head++)
        {
            var paths = TinyModel.Prompt(4 * (head + 1), seed: head);
            var (tokens, logits) = HeadBench.Hydra(heads, head, states, paths);
            for (var row = 0; row < 4; row++)
            {
                var state = HeadReference.Doubles(states.AsSpan(row * HeadBench.Width, HeadBench.Width));
                var expected = reference.Hydra(head, state, paths.AsSpan(row * (head + 1), head + 1));
                Check(expected, tokens.AsSpan(row * heads.Heads.Top, heads.Heads.Top),
                    logits.AsSpan(row * heads.Heads.Top, heads.Heads.Top));
            }
        }
    }

    [Theory, InlineData("cpu"), InlineData("ilgpu-cpu")]
    public void The_prefix_layers_outputs_are_those_of_the_reference(string device)
    {
        using var bench = new HeadBench(device);
        using var files = new TinyHeads("hydra++", bench.Folder);
        var layer = bench.Open(files.Folder, HeadKind.Hydra).Prefix!;
        var states = HeadBench.States(7);
        var expected = new HeadReference(files, HeadBench.Width, bench.Embedding)
            .Prefix([.. Enumerable.Range(0, 7).Select(t => HeadReference.Doubles(states.AsSpan(t * HeadBench.Width, HeadBench.Width)))]);
        using var cache = layer.NewCache();
        var output = new float[HeadBench.Width];
        for (var t = 0; t < 7; t++)
        {
            layer.Run(cache, states.AsSpan(t * HeadBench.Width, HeadBench.Width), output);
            // Keys and values are kept in F16.
            for (var i = 0; i < output.Length; i++) Assert.Equal(expected[t][i], output[i], 5e-3);
        }
    }

    /// <summary>MH6: pieces of any length, and positions that come again, leave what one run over all gives.</summary>
    [Fact]
    public void The_prefix_layer_in_pieces_is_the_whole()
    {
        using var files = new TinyHeads("hydra++", _bench.Folder);
        var layer = _bench.Open(files.Folder, HeadKind.Hydra).Prefix!;
        var states = HeadBench.States(60);
        var whole = new float[60][];
        using (var cache = layer.NewCache())
        {
            for (var t = 0; t < 60; t++) layer.Run(cache, Rows(states, t, 1), whole[t] = new float[HeadBench.Width]);
        }
        for (var seed = 0; seed < 20; seed++)
        {
            var random = new Random(seed);
            using var cache = layer.NewCache();
            var output = new float[HeadBench.Width];
            while (cache.Length < 60)
            {
                if (random.Next(4) == 0) cache.Truncate(random.Next(cache.Length + 1));
                var count = Math.Min(1 + random.Next(9), 60 - cache.Length);
                layer.Run(cache, Rows(states, cache.Length, count), output);
                Assert.Equal(whole[cache.Length - 1], output);
            }
        }
    }

    /// <summary>MH1: heads that add nothing choose what the model's own head chooses.</summary>
    [Fact]
    public void Heads_without_weights_say_what_the_models_head_says()
    {
        using var files = new TinyHeads("v2", _bench.Folder, scale: 0);
        var states = HeadBench.States(5);
        var reference = new HeadReference(files, HeadBench.Width, _bench.Embedding);
        var heads = _bench.Open(files.Folder, HeadKind.Medusa);
        var (tokens, _) = HeadBench.Medusa(heads, states);
        for (var row = 0; row < 5; row++)
        {
            var own = reference.Medusa(0, states.AsSpan(row * HeadBench.Width, HeadBench.Width));
            Assert.Equal(Array.IndexOf(own, own.Max()), tokens[row * heads.Heads.Top]);
        }
    }

    /// <summary>MH3: Hydra's first block with A = [I 0 …] and B = 0 is Medusa's identity, whatever the tokens.</summary>
    [Fact]
    public void Hydra_that_passes_the_state_on_is_Medusa_without_weights()
    {
        using var hydra = new TinyHeads("hydra-tied", _bench.Folder, scale: 0);
        using var medusa = new TinyHeads("v2", _bench.Folder, scale: 0);
        var states = HeadBench.States(5);
        var (expected, _) = HeadBench.Medusa(_bench.Open(medusa.Folder, HeadKind.Medusa), states);
        var heads = _bench.Open(hydra.Folder, HeadKind.Hydra);
        var count = 5 * heads.Heads.Top;
        for (var head = 0; head < 3; head++)
            Assert.Equal(expected[..count], HeadBench.Hydra(heads, head, states, TinyModel.Prompt(5 * (head + 1))).Tokens);
    }

    [Fact]
    public void Rows_do_not_depend_on_each_other()
    {
        using var medusa = new TinyHeads("v1", _bench.Folder);
        using var hydra = new TinyHeads("hydra", _bench.Folder);
        var (independent, conditioned) =
            (_bench.Open(medusa.Folder, HeadKind.Medusa, true), _bench.Open(hydra.Folder, HeadKind.Hydra, true));
        var (states, paths) = (HeadBench.States(32), TinyModel.Prompt(64));
        var (all, after) = (HeadBench.Medusa(independent, states), HeadBench.Hydra(conditioned, 1, states, paths));
        var top = independent.Heads.Top;
        for (var row = 0; row < 32; row++)
        {
            var state = Rows(states, row, 1).ToArray();
            var alone = HeadBench.Medusa(independent, state);
            for (var head = 0; head < 3; head++)
                Assert.Equal(alone.Logits[(head * top)..((head + 1) * top)],
                    all.Logits[((head * 32 + row) * top)..((head * 32 + row + 1) * top)]);
            Assert.Equal(HeadBench.Hydra(conditioned, 1, state, paths[(2 * row)..(2 * row + 2)]).Logits,
                after.Logits[(row * top)..((row + 1) * top)]);
        }
    }

    /// <summary>Who asks first has the answers of all computed, and they are those that each gets alone.</summary>
    [Fact]
    public void Sequences_share_a_run()
    {
        using var files = new TinyHeads("v1", _bench.Folder);
        var heads = _bench.Open(files.Folder, HeadKind.Medusa);
        var slots = Enumerable.Range(0, HeadRunner.MostRows + 3).Select(i =>
        {
            var slot = new HeadSlot(heads.Heads);
            HeadBench.States(1, seed: i).CopyTo(slot.State, 0);
            heads.Batch.Post(slot);
            return slot;
        }).ToArray();
        heads.Batch.Withdraw(slots[4]);
        heads.Batch.Compute(slots[^1]);
        Assert.Equal(2, slots.Count(slot => slot.IsWaiting));
        foreach (var slot in slots.Where(slot => !slot.IsWaiting && slot != slots[4]))
        {
            var (tokens, logits) = HeadBench.Medusa(heads, slot.State);
            Assert.Equal(tokens, slot.Tokens);
            Assert.Equal(logits, slot.Logits);
        }
    }

    [Fact]
    public void What_a_run_takes_is_known_after_the_first_answer()
    {
        using var files = new TinyHeads("v1", _bench.Folder);
        var heads = _bench.Open(files.Folder, HeadKind.Medusa);
        var slot = new HeadSlot(heads.Heads);
        heads.Batch.Post(slot);
        heads.Batch.Compute(slot);
        Assert.InRange(heads.Batch.Seconds, 1e-9, 0.1);
    }

    [Fact]
    public async Task Heads_are_opened_while_a_pass_runs()
    {
        using var files = new TinyHeads("v1", _bench.Folder);
        Task<DraftHeads> opening;
        lock (_bench.Model.Runner.Gate)
        {
            opening = Task.Run(() => _bench.Open(files.Folder, HeadKind.Medusa), TestContext.Current.CancellationToken);
            Assert.True(SpinWait.SpinUntil(() => opening.IsCompleted, TimeSpan.FromSeconds(30)));
        }
        Assert.NotNull(await opening);
    }

    private static Span<float> Rows(float[] states, int first, int count) =>
        states.AsSpan(first * HeadBench.Width, count * HeadBench.Width);

    private static void Check(double[] expected, ReadOnlySpan<int> tokens, ReadOnlySpan<float> logits)
    {
        int[] order = [.. Enumerable.Range(0, expected.Length).OrderByDescending(token => expected[token])];
        for (var i = 0; i < tokens.Length; i++)
        {
            Assert.Equal(expected[tokens[i]], logits[i], Tolerance);
            Assert.Equal(expected[order[i]], logits[i], Tolerance);
        }
    }
}
