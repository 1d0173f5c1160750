using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Identities;

/// <summary>32 prompts, 256 greedy tokens after each: whatever is proposed, the text is that of plain decoding.</summary>
public sealed class GreedyIdentityTests(GreedyIdentityTests.PlainTexts plain) : IClassFixture<GreedyIdentityTests.PlainTexts>
{
    private const int Prompts = 32, Tokens = 256;

    /// <summary>One small layer, because there are many passes.</summary>
    private const string Config = """
        {"model_type": "llama", "vocab_size": 96, "hidden_size": 16, "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 24,
         "num_hidden_layers": 1, "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "tie_word_embeddings": false, "eos_token_id": 1}
        """;

    /// <summary>A model, a draft of it, and what plain decoding says.</summary>
    public sealed class PlainTexts : IDisposable
    {
        internal ModelPair Pair { get; } = new(Config);
        internal LanguageModel Model { get; }
        internal int[][] Texts { get; }

        public PlainTexts()
        {
            Model = Pair.Load(new ModelOptions { Device = "cpu", ContextLength = 300, Threads = 1 });
            using var session = Model.NewSession();
            Texts = [.. Enumerable.Range(0, Prompts).Select(i => session.Ids(Prompt(i),
                new GenerationOptions { MaxTokens = Tokens, IgnoreEos = true }))];
        }

        public void Dispose()
        {
            Model.Dispose();
            Pair.Dispose();
        }
    }

    private static int[] Prompt(int i) => TinyModel.Prompt(1 + i, seed: i);

    /// <summary>Draws a tree for a request by a rule; what follows the tokens so far, as plain decoding says it, is in Truth.</summary>
    private sealed class StubDrafter(Action<StubDrafter, TokenTree, int> draft) : Drafter
    {
        public int[] Truth { get; set; } = [];
        public int At { get; private set; }
        public int Depth { get; private set; }
        public Random Random { get; } = new(3);

        public int Next(int ahead) => At + ahead < Truth.Length ? Truth[At + ahead] : 7;

        public override void Draft(in DraftRequest request, TokenTree tree)
        {
            (At, Depth) = (request.Tokens.Length, request.MaxDepth);
            draft(this, tree, request.MaxNodes);
        }
    }

    public static TheoryData<string> Stubs => ["empty", "random", "always wrong", "duplicates", "oracle", "largest tree"];

    private static StubDrafter Stub(string name) => new(name switch
    {
        "empty" => (_, _, _) => { }
        ,
        "random" => (stub, tree, _) =>
        {
            for (var i = 0; i < 12; i++)
                if (stub.Random.Next(tree.Count) is var parent && tree.MayExtend(parent, stub.Depth))
                    tree.Add(parent, stub.Random.Next(96));
        }
        ,
        "always wrong" => (stub, tree, _) =>
        {
            for (var wrong = 1; wrong < 4; wrong++)
                if (tree.Add(0, (stub.Next(0) + wrong) % 96) is var child && tree.MayExtend(child, stub.Depth))
                    tree.Add(child, stub.Next(1));
        }
        ,
        "duplicates" => (stub, tree, _) =>
        {
            // One token under every node, the true one among them, each asked for several times.
            for (var i = 0; i < 20; i++)
            {
                var parent = stub.Random.Next(tree.Count);
                if (tree.MayExtend(parent, stub.Depth)) Assert.Equal(tree.Add(parent, stub.Next(0)), tree.Add(parent, stub.Next(0)));
            }
        }
        ,
        "oracle" => (stub, tree, _) =>
        {
            for (var (node, ahead) = (0, 0); ahead < Math.Min(stub.Depth, 6); ahead++) node = tree.Add(node, stub.Next(ahead));
        }
        ,
        _ => (stub, tree, most) =>
        {
            for (var (node, ahead) = (0, 0); ahead < Math.Min(stub.Depth, 3); ahead++) node = tree.Add(node, stub.Next(ahead));
            while (tree.Count < most)
                if (stub.Random.Next(tree.Count) is var parent && tree.MayExtend(parent, Math.Min(stub.Depth, 20)))
                    tree.Add(parent, stub.Random.Next(96));
        }
        ,
    });

    [Theory, MemberData(nameof(Stubs))]
    public void Whatever_is_proposed_the_text_is_that_of_plain_decoding(string name)
    {
        using var session = plain.Model.NewSession();
        using var stub = Stub(name);
        session.Drafter = stub;
        for (var i = 0; i < Prompts; i++)
        {
            stub.Truth = [.. Prompt(i), .. plain.Texts[i]];
            Assert.Equal(plain.Texts[i], session.Ids(Prompt(i), new GenerationOptions { MaxTokens = Tokens, IgnoreEos = true }));
            var result = session.LastResult!;
            switch (name)
            {
                case "empty": Assert.Equal((Tokens, 0), (result.Steps, result.DraftedTokens)); break;
                case "always wrong": Assert.Equal((Tokens, 0), (result.Steps, result.AcceptedTokens)); break;
                // The first pass has no draft; each other one gives what was proposed and a token more.
                case "oracle": Assert.Equal((1 + (Tokens - 1 + 6) / 7, result.DraftedTokens), (result.Steps, result.AcceptedTokens)); break;
                case "duplicates" or "largest tree": Assert.True(result.AcceptedTokens > 0); break;
            }
        }
    }

    public static TheoryData<string> Drafters => AllDrafters.Names;

    [Theory, MemberData(nameof(Drafters))]
    public void With_every_drafter_the_text_is_that_of_plain_decoding(string name)
    {
        using var session = plain.Model.NewSession();
        using var drafter = new WatchedDrafter(AllDrafters.Parse(name, plain.Pair).Create(plain.Model.DraftContext), _ => { });
        session.Drafter = drafter;
        for (var i = 0; i < Prompts; i++)
            Assert.Equal(plain.Texts[i], session.Ids(Prompt(i), new GenerationOptions { MaxTokens = Tokens, IgnoreEos = true }));
    }

    /// <summary>
    /// A tree that goes on after the end of the text, as no drafter of ours does: the text ends there all the same, and the cache with it.
    /// </summary>
    [Fact]
    public void A_path_that_holds_the_end_is_cut_there()
    {
        var end = plain.Texts[0][20];
        var expected = plain.Texts[0][..(Array.IndexOf(plain.Texts[0], end) + 1)];
        using var pair = new ModelPair(Config.Replace("\"eos_token_id\": 1", $"\"eos_token_id\": {end}", StringComparison.Ordinal));
        using var model = pair.Load();
        foreach (var depth in (int[])[2, 5, 7, 13])
        {
            using var session = model.NewSession();
            using var stub = new StubDrafter((stub, tree, _) =>
            {
                for (var (node, ahead) = (0, 0); ahead < Math.Min(stub.Depth, depth); ahead++) node = tree.Add(node, stub.Next(ahead));
            })
            { Truth = [.. Prompt(0), .. plain.Texts[0]] };
            session.Drafter = stub;
            Assert.Equal(expected, session.Ids(Prompt(0), new GenerationOptions { MaxTokens = 60 }));
            Assert.Equal(FinishReason.Eos, session.LastResult!.FinishReason);
            Assert.Equal([.. Prompt(0), .. expected], session.Tokens);
            // The session goes on as one does that has never drafted.
            using var fresh = model.NewSession();
            int[] next = [.. Prompt(0), .. expected, 9];
            Assert.Equal(fresh.Greedy(next, 10), session.Greedy(next, 10));
        }
    }

    [Theory, MemberData(nameof(Drafters))]
    public void A_text_whose_first_token_ends_it_has_that_token_alone(string name)
    {
        using var pair = new ModelPair(Config.Replace("\"eos_token_id\": 1", $"\"eos_token_id\": {plain.Texts[5][0]}",
            StringComparison.Ordinal));
        using var model = pair.Load();
        using var session = model.NewSession();
        Assert.Equal([plain.Texts[5][0]], session.Ids(Prompt(5),
            new GenerationOptions { MaxTokens = 30, Drafter = AllDrafters.Parse(name, pair) }));
        Assert.Equal((FinishReason.Eos, 1), (session.LastResult!.FinishReason, session.LastResult.Steps));
    }
}
