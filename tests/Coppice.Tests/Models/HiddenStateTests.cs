using System.Runtime.InteropServices;
using Coppice.Cache;
using Coppice.Decoding.Verification;
using Coppice.Execution;
using Coppice.Kernels;
using Coppice.Kernels.Tests.Reference;
using Coppice.Loading;
using Coppice.Models;
using Coppice.Tests.Disturbances;
using Coppice.Tests.Support;
using Coppice.Weights;
using Xunit;

namespace Coppice.Tests.Models;

/// <summary>
/// Hidden states after chosen layers: which they are, that they do not depend on what else is in the pass, and what they cost.
/// </summary>
public sealed class HiddenStateTests
{
    /// <summary>Of the largest state, or of 1 where all are smaller.</summary>
    private const float Tolerance = 1e-4f;

    /// <summary>Every family, and an encoder, whose layers normalise sums.</summary>
    private static readonly Dictionary<string, string> Configs = new(TinyFamilies.Configs) { ["bert"] = TinyEncoder.Bert };

    public static TheoryData<string> Families => [.. Configs.Keys];

    /// <summary>One of each placement of norms, and experts.</summary>
    public static TheoryData<string> Placements => ["llama", "gemma2", "olmo2", "phi", "gpt_neox", "granite", "mixtral", "bert"];

    [Theory, MemberData(nameof(Families))]
    public void States_after_a_layer_are_the_output_of_the_model_that_ends_there(string family) => CompareWithShorter(family, "cpu");

    /// <summary>Few: all placements are compared with the reference below, and a device without a GPU takes seconds a pass.</summary>
    [Theory, InlineData("llama")]
    public void So_they_are_on_a_device(string family) => CompareWithShorter(family, "ilgpu-cpu");

    private static void CompareWithShorter(string family, string device)
    {
        using var folder = new TinyModel(Configs[family]);
        using var whole = new BareRunner(folder.Folder, DeviceFactory.Create(device, 1));
        var layers = whole.Spec.Layers.Count;
        var states = Passes(whole, [.. Enumerable.Range(0, layers)]);
        for (var layer = 0; layer < layers; layer++)
        {
            using var first = folder.FirstLayers(layer + 1);
            using var shorter = new BareRunner(first.Folder, DeviceFactory.Create(device, 1));
            var output = Passes(shorter, layer);
            Assert.Contains(output, value => MathF.Abs(value) > 0.5f);
            Assert.Equal(output, states.AsSpan(layer * output.Length, output.Length).ToArray());
            // Alone and together with other layers.
            Assert.Equal(output, Passes(whole, layer));
        }
    }

    [Theory, MemberData(nameof(Placements))]
    public void States_of_both_back_ends_are_those_of_the_reference(string family)
    {
        using var folder = new TinyModel(Configs[family]);
        using var reference = new BareRunner(folder.Folder, new ReferenceBackend());
        var expected = Passes(reference, reference.AllLayers);
        var bound = Tolerance * MathF.Max(1, expected.Max(MathF.Abs));
        // A device without a GPU takes seconds a pass, so there one of each kind of block.
        foreach (var device in family is "llama" or "phi" or "bert" ? (string[])["cpu", "ilgpu-cpu"] : ["cpu"])
        {
            using var runner = new BareRunner(folder.Folder, DeviceFactory.Create(device, 1));
            var difference = Support.Logits.LargestDifference(expected, Passes(runner, runner.AllLayers));
            Assert.True(difference <= bound, $"{family} on {device}: states differ by {difference}, at most {bound} is expected");
        }
    }

    [Theory]
    [InlineData("llama", "model.embed_tokens.weight", null)]
    [InlineData("gemma2", "model.embed_tokens.weight", null)]
    [InlineData("gpt2", "wte.weight", "wpe.weight")]
    public void What_the_first_layer_reads_is_the_stored_embedding(string family, string embedding, string? positions)
    {
        using var folder = new TinyModel(Configs[family]);
        using var runner = new BareRunner(folder.Folder, DeviceFactory.Create("cpu", 1));
        var tokens = TinyModel.Prompt(20);
        var states = runner.Run(runner.NewCache(), tokens, HiddenLayer.Embedding);
        using var file = SafetensorsFile.Open(folder.WeightsPath);
        float[] Stored(string name)
        {
            var tensor = file.Tensors.Single(tensor => tensor.Key.EndsWith(name, StringComparison.Ordinal)).Value;
            return MemoryMarshal.Cast<byte, float>(file.Bytes(tensor)).ToArray();
        }

        var (rows, places) = (Stored(embedding), positions is null ? null : Stored(positions));
        var (width, scale) = (runner.Spec.HiddenSize, runner.Spec.EmbeddingScale);
        for (var i = 0; i < states.Length; i++)
        {
            var expected = scale * rows[tokens[i / width] * width + i % width] + (places?[i] ?? 0);
            Assert.Equal(expected, states[i]);
        }
    }

    [Theory, MemberData(nameof(Placements))]
    public void A_prompt_in_pieces_and_after_a_fork_has_the_states_of_the_whole(string family)
    {
        using var folder = new TinyModel(Configs[family]);
        using var runner = new BareRunner(folder.Folder, DeviceFactory.Create("cpu", 1));
        if (runner.Spec.IsEncoder) return;      // a text is never cut
        var tokens = TinyModel.Prompt(70);
        var whole = ByPosition(runner.Run(runner.NewCache(), tokens, runner.AllLayers), runner);
        foreach (var piece in (int[])[1, 7, 64])
        {
            var cache = runner.NewCache();
            for (var first = 0; first < tokens.Length; first += piece)
            {
                if (first >= 64)
                {
                    using var fork = cache.Fork();
                    Check(fork, first);
                }
                Check(cache, first);
            }

            void Check(KvCache kept, int first)
            {
                var part = tokens[first..Math.Min(first + piece, tokens.Length)];
                Assert.Equal(whole[first..(first + part.Length)], ByPosition(runner.Run(kept, part, runner.AllLayers), runner));
            }
        }
    }

    [Theory, MemberData(nameof(Placements))]
    public void A_tree_node_has_the_states_of_its_path(string family)
    {
        using var folder = new TinyModel(Configs[family]);
        using var runner = new BareRunner(folder.Folder, DeviceFactory.Create("cpu", 1));
        if (runner.Spec.IsEncoder) return;      // there are no trees
        var cache = runner.NewCache();
        runner.Run(cache, TinyModel.Prompt(60), 0);
        var tree = Tree(runner);
        var request = new PassRequest();
        request.Nodes(cache, tree);
        var nodes = ByPosition(runner.Run(request, runner.AllLayers), runner);
        for (var node = 0; node < tree.Count; node++)
        {
            int[] path = [.. tree.Path(node).ToArray().Select(place => tree.Tokens[place])];
            Assert.Equal(nodes[node], ByPosition(runner.Run(cache, path, runner.AllLayers), runner)[^1]);
            cache.Truncate(60);
        }
    }

    /// <summary>Requests that ask for different layers of different rows, or for none, among others.</summary>
    [Theory, InlineData("llama", "cpu"), InlineData("mixtral", "cpu"), InlineData("phi", "cpu"), InlineData("llama", "ilgpu-cpu")]
    public void Requests_of_a_mixed_pass_get_the_states_and_logits_that_they_get_alone(string family, string device)
    {
        using var folder = new TinyModel(Configs[family]);
        using var runner = new BareRunner(folder.Folder, DeviceFactory.Create(device, 1));
        for (var seed = 0; seed < (device == "cpu" ? 30 : 1); seed++)
        {
            var random = new Random(seed);
            var parts = Enumerable.Range(0, 5).Select(i => new Part(runner, random, 10 * seed + i)).ToArray();
            var alone = parts.Select(part =>
            {
                runner.Runner.Run(part.Request);
                return part.Read();
            }).ToArray();
            runner.Runner.Run(parts.Select(part => part.Request).ToArray());
            for (var i = 0; i < parts.Length; i++) Assert.Equal(alone[i], parts[i].Read());
        }
    }

    private sealed class Part
    {
        private readonly BareRunner _runner;
        private readonly int[] _layers;

        public Part(BareRunner runner, Random random, int seed)
        {
            _runner = runner;
            var cache = runner.NewCache();
            var held = random.Next(30);
            if (held > 0) runner.Run(cache, TinyModel.Prompt(held, seed), HiddenLayer.Final);
            if (random.Next(3) == 0) Request.Nodes(cache, Tree(runner));
            else Request.Stretch(cache, TinyModel.Prompt(1 + random.Next(15), seed + 1), nodes: 1);
            _layers = [.. runner.AllLayers.Where(_ => random.Next(2) == 0)];
            var first = random.Next(Request.Rows);
            if (_layers.Length > 0) Request.Hidden(_layers, first, 1 + random.Next(Request.Rows - first));
        }

        public PassRequest Request { get; } = new();

        /// <summary>States of a part of what was asked for, and the logits of the first node.</summary>
        public float[] Read()
        {
            var logits = new float[_runner.Spec.VocabularySize];
            Request.Output.Download(0, logits);
            var skipped = Request.HiddenCount > 2 ? 1 : 0;
            return
            [
                .. _layers.SelectMany(layer => _runner.Read(Request, layer, Request.FirstHidden + skipped, Request.HiddenCount - skipped)),
                .. logits,
            ];
        }
    }

    [Fact]
    public void What_was_not_asked_for_and_layers_that_do_not_exist_are_refused()
    {
        using var folder = new TinyModel(Configs["qwen2"]);
        using var runner = new BareRunner(folder.Folder, DeviceFactory.Create("cpu", 1));
        var request = new PassRequest();
        request.Stretch(runner.NewCache(), TinyModel.Prompt(10), nodes: 0);
        Assert.Throws<ArgumentException>(() => request.Hidden(new[] { 0 }, 5, 6));
        Assert.Throws<ArgumentException>(() => request.Hidden(new[] { 0 }, -1, 3));
        Assert.Throws<ArgumentException>(() => request.Hidden(new[] { 0 }, 3, 0));
        Assert.True(request.HiddenLayers.IsEmpty);
        foreach (var layer in (int[])[-2, 3, 99])
        {
            request.Hidden(new[] { 0, layer }, 0, 10);
            var error = Assert.Throws<ArgumentException>(() => runner.Runner.Run(request));
            Assert.Contains($"from 0 to 2, or HiddenLayer.Embedding or .Final, got {layer}", error.Message, StringComparison.Ordinal);
            Assert.Equal(0, runner.Runner.Pass);
        }
        request.Hidden(new[] { 1 }, 2, 4);
        runner.Runner.Run(request);
        var refused = ((int, int, int)[])[(0, 2, 4), (-1, 2, 1), (1, 1, 2), (1, 4, 3), (2, 9, 2), (HiddenLayer.Final, -1, 2)];
        foreach (var (layer, first, count) in refused)
        {
            var error = Assert.Throws<InvalidOperationException>(() => runner.Read(request, layer, first, count));
            Assert.Contains($"of {count} rows from {first} on after layer {layer}", error.Message, StringComparison.Ordinal);
        }
        runner.Read(request, 2, 0, 10);     // what the last layer gives is there in any case
        runner.Read(request, HiddenLayer.Final, 0, 10);
        runner.Runner.Run(request);
        Assert.Equal(4 * runner.Spec.HiddenSize, runner.Read(request, 1, 2, 4).Length);
        // Rows given anew ask for none.
        request.Stretch(request.Cache, TinyModel.Prompt(10), nodes: 0);
        runner.Runner.Run(request);
        Assert.Throws<InvalidOperationException>(() => runner.Read(request, 1, 2, 4));
        var other = new PassRequest();
        other.Stretch(request.Cache, TinyModel.Prompt(3), nodes: 0);
        runner.Runner.Run(other);
        Assert.Throws<InvalidOperationException>(() => runner.Read(request, 2, 0, 1));
    }

    [Theory, InlineData("cpu"), InlineData("ilgpu-cpu")]
    public void Memory_is_taken_for_layers_that_are_asked_for_and_goes_back(string device)
    {
        using var folder = new TinyModel(Configs["qwen2"]);
        var backend = DeviceFactory.Create(device, 1);
        using (var runner = new BareRunner(folder.Folder, backend))
        {
            var cache = runner.NewCache();
            long Bytes(params int[] layers)
            {
                cache.Truncate(0);
                runner.Run(cache, TinyModel.Prompt(10), layers);
                return runner.Runner.WorkspaceBytes;
            }
            var none = runner.Runner.WorkspaceBytes;
            Assert.Equal(none, Bytes(2, HiddenLayer.Final));
            var one = Bytes(0);
            var layer = runner.Runner.Size.Rows * runner.Spec.HiddenSize * sizeof(float);
            Assert.InRange(one - none, layer, layer + 1024);        // and the numbers of the rows
            Assert.Equal(one, Bytes(0));
            Assert.InRange(Bytes(0, 1, HiddenLayer.Embedding) - one, 2 * layer, 2 * layer + 512);
            var rents = backend.Memory.Rents;
            for (var i = 0; i < 3; i++) Bytes(0, 1, HiddenLayer.Embedding);
            Assert.Equal(rents, backend.Memory.Rents);
        }
        Assert.Equal((0L, 0L), (backend.Memory.BytesInUse, backend.Memory.ForgottenBuffers));
    }

    [Fact]
    public void After_memory_was_refused_passes_go_on_and_another_time_it_may_be_there()
    {
        using var folder = new TinyModel(Configs["qwen2"]);
        var device = new WatchedDevice();
        using (var runner = new BareRunner(folder.Folder, device.Backend))
        {
            var cache = runner.NewCache();
            var expected = runner.Run(cache, TinyModel.Prompt(10), 2);
            // The pool of row numbers and its tensor, then, that pool being there, those of the layer.
            foreach (var step in (int[])[1, 2, 3, 2])
            {
                cache.Truncate(0);
                device.At(DeviceStep.Memory, step, lasts: false, () => throw new DeviceMemoryException("refused"));
                Assert.Throws<DeviceMemoryException>(() => runner.Run(cache, TinyModel.Prompt(10), 0, 2));
                Assert.Equal((1, 0), (device.Disturbed, cache.Length));
                device.Calm();
                Assert.Equal(expected, runner.Run(cache, TinyModel.Prompt(10), 2));
            }
            cache.Truncate(0);
            Assert.Equal(expected, runner.Run(cache, TinyModel.Prompt(10), 0, 2)[^expected.Length..]);
        }
        device.CheckEverythingIsFreed();
    }

    /// <summary>States of all rows of a prompt, a token after it, and a tree after that; of an encoder, of a text.</summary>
    private static float[] Passes(BareRunner runner, params int[] layers)
    {
        var cache = runner.NewCache();
        var prompt = runner.Run(cache, TinyModel.Prompt(20), layers);
        if (runner.Spec.IsEncoder) return prompt;
        var next = runner.Run(cache, [5], layers);
        var request = new PassRequest();
        request.Nodes(cache, Tree(runner));
        var tree = runner.Run(request, layers);
        return [.. layers.SelectMany((_, i) => (float[])[.. Of(prompt, i), .. Of(next, i), .. Of(tree, i)])];

        float[] Of(float[] states, int i) => states.AsSpan(states.Length / layers.Length * i, states.Length / layers.Length).ToArray();
    }

    /// <summary>States of each position, those of all layers one after the other.</summary>
    private static float[][] ByPosition(float[] states, BareRunner runner)
    {
        var (layers, width) = (runner.AllLayers.Length, runner.Spec.HiddenSize);
        var count = states.Length / layers / width;
        return [.. Enumerable.Range(0, count).Select(row =>
            (float[])[.. Enumerable.Range(0, layers).SelectMany(layer => states.AsSpan((layer * count + row) * width, width).ToArray())])];
    }

    private static TokenTree Tree(BareRunner runner)
    {
        var tree = new TokenTree(runner.Runner.Size.TreeRows, runner.Runner.Size.PathLength - 1);
        tree.Reset(3);
        foreach (var (parent, token) in ((int, int)[])[(0, 8), (0, 13), (1, 21), (3, 34), (2, 55), (3, 89)]) tree.Add(parent, token);
        return tree;
    }
}
