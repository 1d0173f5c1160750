using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Models;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Drafting;

/// <summary>
/// A drafter that asks for hidden states is told those of every token that is computed for it, prompts included, each where it stands.
/// </summary>
public sealed class HiddenDrafterTests : IDisposable
{
    private static readonly int[] Layers = [1, HiddenLayer.Embedding, HiddenLayer.Final, 0];

    private readonly TinyModel _folder = new(TinyFamilies.Configs["qwen2"]);
    private readonly LanguageModel _model;

    public HiddenDrafterTests() =>
        _model = _folder.Load(new ModelOptions { Device = "cpu", Threads = 1, ContextLength = 256, PrefillChunk = 96 });

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    private static GenerationOptions Options(int tokens) => new() { MaxTokens = tokens, IgnoreEos = true };

    [Theory, InlineData(true), InlineData(false)]
    public void States_of_all_tokens_come_once_and_in_order_while_branches_are_accepted(bool prompts)
    {
        var prompt = TinyModel.Prompt(200);     // three passes
        using var session = _model.NewSession();
        var drafter = new StateDrafter(Text(prompt, 50), prompts);
        session.Drafter = drafter;
        var ids = session.Ids(prompt, Options(50));
        Assert.Equal(Text(prompt, 50)[prompt.Length..], ids);
        Assert.True(drafter.JumpedPaths > 5, $"{drafter.JumpedPaths} accepted paths went around a node");
        Assert.Equal(prompts ? 199 : 0, drafter.PromptStates);
        Assert.Equal(prompts ? 0 : 199, drafter.First);
        Assert.Equal(0, drafter.Repeated);
        Check(drafter, session.Tokens);
    }

    [Fact]
    public void Tokens_whose_keys_were_there_are_left_out()
    {
        var prompt = TinyModel.Prompt(200);
        var text = Text(prompt, 20);
        using var session = _model.NewSession();
        session.Ids(prompt, Options(1));
        // Another session that begins alike, three whole pages.
        using var second = _model.NewSession();
        var drafter = new StateDrafter(text, prompts: true);
        second.Drafter = drafter;
        second.Ids(prompt, Options(10));
        Assert.Equal((192, 192), (second.LastResult!.ReusedTokens, drafter.First));
        Check(drafter, second.Tokens);
        // The next turn of it: the drafter has been told what is kept.
        second.Ids([.. second.Tokens, 5, 6], Options(10));
        Assert.Equal((192, 0), (drafter.First, drafter.Repeated));
        Check(drafter, second.Tokens);
        // A fork, whose drafter is new.
        using var fork = second.Fork();
        var forked = new StateDrafter([], prompts: true);
        fork.Drafter = forked;
        var held = fork.Tokens.Count - 1;
        fork.Ids([.. fork.Tokens, 9], Options(10));
        Assert.Equal(held, forked.First);
        Check(forked, fork.Tokens);
    }

    [Fact]
    public async Task After_a_file_was_loaded_and_after_a_prefill_the_last_token_is_told_at_least()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var prompt = TinyModel.Prompt(70);
        using var session = _model.NewSession();
        await session.PrefillAsync(prompt, cancellationToken: cancellation);
        var drafter = new StateDrafter([], prompts: true);
        session.Drafter = drafter;
        session.Ids(prompt, Options(5));
        Assert.Equal(69, drafter.First);
        Check(drafter, session.Tokens);
        using var file = new TemporaryFile();
        await session.SaveAsync(file.Path, cancellation);
        using var loaded = _model.NewSession();
        await loaded.LoadAsync(file.Path, cancellation);
        var after = new StateDrafter([], prompts: true);
        loaded.Drafter = after;
        loaded.Ids([.. loaded.Tokens, 7, 8], Options(5));
        Assert.Equal(74, after.First);
        Check(after, loaded.Tokens);
    }

    [Fact]
    public void What_is_computed_anew_is_told_anew()
    {
        // Two sessions want more pages than there are: the younger gives its own up in the midst of its text.
        using var model = _folder.Load(new ModelOptions
        {
            Device = "cpu",
            Threads = 1,
            ContextLength = 256,
            PrefillChunk = 96,
            MaxSequences = 2,
            KvCache = new KvCacheOptions { SharedTokens = 64 * 7, PrefixCaching = false },
        });
        var prompts = new[] { TinyModel.Prompt(100, seed: 1), TinyModel.Prompt(100, seed: 2) };
        var sessions = prompts.Select(_ => model.NewSession()).ToArray();
        var drafters = prompts.Select(_ => new StateDrafter([], prompts: true)).ToArray();
        var readers = prompts.Select((prompt, i) =>
        {
            sessions[i].Drafter = drafters[i];
            return sessions[i].Generate(prompt, Options(140), TestContext.Current.CancellationToken).GetEnumerator();
        }).ToArray();
        while (!Array.TrueForAll(Array.ConvertAll(readers, reader => reader.MoveNext()), moved => !moved)) { }
        Assert.True(model.Scheduler.Preemptions > 0);
        Assert.Contains(drafters, drafter => drafter.Repeated > 0);
        for (var i = 0; i < sessions.Length; i++)
        {
            Assert.Equal(0, drafters[i].First);
            Check(drafters[i], sessions[i].Tokens);
            readers[i].Dispose();
            sessions[i].Dispose();
        }
    }

    [Fact]
    public void What_a_constraint_forces_is_told_where_it_stands()
    {
        using var model = LanguageModel.Load(
            Path.Combine(SharedData.Repository, "weights", "tiny"), new ModelOptions { Device = "cpu", Threads = 1, ContextLength = 512 });
        var prompt = model.Tokenizer!.Encode("Returns the number of");
        StateDrafter Told(IReadOnlyList<int> tokens, GenerationOptions options, out IReadOnlyList<int> text)
        {
            using var session = model.NewSession(new SessionOptions { SharePrefixes = false });
            var drafter = new StateDrafter([], prompts: true);
            session.Drafter = drafter;
            session.Ids(tokens, options);
            text = session.Tokens;
            return drafter;
        }
        const string schema =
            """{"type":"object","properties":{"the_name_of_it":{"type":"integer"}},"required":["the_name_of_it"],"additionalProperties":false}""";
        var forced = Told(prompt, new GenerationOptions { Schema = schema, MaxTokens = 60 }, out var text);
        // A prompt may have been run while the schema was compiled.
        Assert.True(forced.First + forced.PromptStates >= prompt.Length, "nothing was forced");
        // The tokens as a prompt have the same states.
        var whole = Told(text, new GenerationOptions { MaxTokens = 1 }, out _);
        Assert.Equal(0, forced.Repeated);
        for (var position = forced.First; position < forced.First + forced.States.Count; position++)
            Assert.Equal(whole.States[position], forced.States[position]);
    }

    [Fact]
    public async Task Sessions_that_share_passes_are_told_their_own()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var prompts = Enumerable.Range(0, 4).Select(i => TinyModel.Prompt(30 + 40 * i, seed: i)).ToArray();
        var texts = prompts.Select(prompt => Text(prompt, 40)).ToArray();
        await Task.WhenAll(prompts.Select((prompt, i) => Task.Run(async () =>
        {
            using var session = _model.NewSession();
            var drafter = new StateDrafter(texts[i], prompts: i % 2 == 0, i == 3 ? [HiddenLayer.Final] : Layers);
            session.Drafter = drafter;
            await foreach (var _ in session.GenerateAsync(prompt, Options(40), cancellation)) { }
            Assert.Equal(texts[i], session.Tokens);
            Check(drafter, session.Tokens);
        }, cancellation)));
    }

    [Fact]
    public void Memory_that_is_refused_ends_the_generation_that_asks_and_no_other()
    {
        var device = new Disturbances.WatchedDevice();
        var options = new ModelOptions { Device = "cpu", ContextLength = 128 };
        using (var model =
            LanguageModel.Load(device.Backend, _folder.Folder, options, cancellation: TestContext.Current.CancellationToken))
        {
            using var asking = model.NewSession();
            using var other = model.NewSession();
            asking.Drafter = new StateDrafter([], prompts: true);
            var prompt = TinyModel.Prompt(20);
            var expected = other.Ids(prompt, Options(30));
            using var reader = other.Generate(prompt, Options(30), TestContext.Current.CancellationToken).GetEnumerator();
            Assert.True(reader.MoveNext());
            device.At(Coppice.Kernels.DeviceStep.Memory, 1, lasts: true, () => throw new DeviceMemoryException("refused"));
            Assert.Throws<DeviceMemoryException>(() => asking.Ids(prompt, Options(30)));
            Assert.True(device.Disturbed > 0);
            device.Calm();
            List<int> ids = [reader.Current.TokenId];
            while (reader.MoveNext()) ids.Add(reader.Current.TokenId);
            Assert.Equal(expected, ids);
            Assert.Equal(expected, asking.Ids(prompt, Options(30)));
        }
        device.CheckEverythingIsFreed();
    }

    [Fact]
    public void A_step_allocates_nothing_after_the_first()
    {
        using var session = _model.NewSession();
        var prompt = TinyModel.Prompt(5);
        session.Drafter = new CountingDrafter();
        session.Ids(prompt, Options(100));
        Assert.Equal(0, session.AllocatedBytesPerToken(TinyModel.Prompt(5, seed: 8), Options(100)));
    }

    /// <summary>The prompt and what plain decoding gives after it.</summary>
    private int[] Text(int[] prompt, int tokens)
    {
        // No other session finds its pages.
        using var session = _model.NewSession(new SessionOptions { SharePrefixes = false });
        return [.. prompt, .. session.Ids(prompt, Options(tokens))];
    }

    /// <summary>What the drafter was told are the states that one pass over all tokens has.</summary>
    private void Check(StateDrafter drafter, IReadOnlyList<int> tokens)
    {
        using var runner = new BareRunner(_folder.Folder, Coppice.Kernels.SimdBackend.Create(1));
        var cache = runner.NewCache();
        var layers = drafter.HiddenLayers.ToArray();
        var width = runner.Spec.HiddenSize;
        for (var first = 0; first < tokens.Count - 1; first += 90)
        {
            int[] part = [.. tokens.Skip(first).Take(Math.Min(90, tokens.Count - 1 - first))];
            var states = runner.Run(cache, part, layers);
            for (var row = Math.Max(drafter.First - first, 0); row < part.Length; row++)
            {
                Assert.True(drafter.States.TryGetValue(first + row, out var told), $"position {first + row} was not told");
                for (var i = 0; i < layers.Length; i++)
                    Assert.Equal(states.AsSpan((i * part.Length + row) * width, width).ToArray(), told[(i * width)..((i + 1) * width)]);
            }
        }
        Assert.All(drafter.States.Keys, position => Assert.InRange(position, drafter.First, tokens.Count - 2));
    }

    /// <summary>Proposes the text that is coming, with wrong tokens around it, and keeps the states that it is told.</summary>
    private sealed class StateDrafter(int[] text, bool prompts, int[]? layers = null) : Drafter
    {
        private readonly Random _random = new(3);
        private readonly int[] _layers = layers ?? Layers;
        private int _known;     // positions up to it were told, but for those in front of First

        /// <summary>By position: those of all layers, one after the other.</summary>
        public Dictionary<int, float[]> States { get; } = [];
        /// <summary>The first position that was told.</summary>
        public int First { get; private set; } = -1;
        /// <summary>States that came in front of trees.</summary>
        public int PromptStates { get; private set; }
        /// <summary>Positions that came again.</summary>
        public int Repeated { get; private set; }
        /// <summary>Accepted paths whose nodes do not follow one another.</summary>
        public int JumpedPaths { get; private set; }

        public override ReadOnlyMemory<int> HiddenLayers => _layers;

        public override DrafterNeeds Needs => prompts ? DrafterNeeds.PromptStates : DrafterNeeds.None;

        public override void TakePrompt(in HiddenRows states)
        {
            Assert.True(prompts);
            PromptStates += states.Count;
            Take(states, states.Count);
        }

        public override void Draft(in DraftRequest request, TokenTree tree)
        {
            var (position, parent) = (request.Tokens.Length, 0);
            for (var depth = _random.Next(5); depth > 0 && position < text.Length; depth--, position++)
            {
                if (tree.Count + 4 > request.MaxNodes || tree.Depths[parent] >= request.MaxDepth) return;
                var right = text[position];
                if (_random.Next(2) == 0) tree.Add(tree.Add(parent, right == 2 ? 3 : 2), 7);
                var next = tree.Add(parent, right);
                if (_random.Next(2) == 0) tree.Add(parent, right == 4 ? 5 : 4);
                parent = next;
            }
        }

        public override void Accept(in VerificationResult verification)
        {
            var path = verification.Path;
            var hidden = verification.Hidden;
            Assert.Equal(path.Length, hidden.Count);
            Assert.Equal(verification.Tokens.Length - verification.Emitted.Length - 1, hidden.First);
            for (var i = 1; i < path.Length; i++)
            {
                if (path[i] == path[i - 1] + 1) continue;
                JumpedPaths++;
                break;
            }
            Take(hidden, Math.Min(hidden.Count, verification.Emitted.Length));
        }

        private void Take(in HiddenRows states, int count)
        {
            if (First < 0) First = _known = states.First;
            Assert.True(states.First <= _known, $"positions {_known} to {states.First} were left out");
            Repeated += Math.Max(Math.Min(_known, states.First + count) - states.First, 0);
            for (var row = 0; row < count; row++)
            {
                var all = new List<float>();
                foreach (var layer in _layers)
                {
                    var of = states.After(layer);
                    all.AddRange(of.Slice(row * (of.Length / states.Count), of.Length / states.Count));
                }
                States[states.First + row] = [.. all];
            }
            if (states.First == 0) First = 0;
            _known = Math.Max(_known, states.First + count);
        }
    }

    /// <summary>Reads what it is told and proposes a token.</summary>
    private sealed class CountingDrafter : Drafter
    {
        private static readonly int[] All = [0, HiddenLayer.Final];

        public float Sum { get; private set; }

        public override ReadOnlyMemory<int> HiddenLayers => All;

        public override DrafterNeeds Needs => DrafterNeeds.PromptStates;

        public override void TakePrompt(in HiddenRows states) => Sum += states.After(0)[0];

        public override void Draft(in DraftRequest request, TokenTree tree) => tree.Add(0, 3);

        public override void Accept(in VerificationResult verification) => Sum += verification.Hidden.After(HiddenLayer.Final)[^1];
    }
}
