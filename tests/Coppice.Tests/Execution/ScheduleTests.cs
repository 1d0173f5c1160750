using Coppice.Decoding.Sampling;
using Coppice.Drafting;
using Coppice.Execution;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Execution;

/// <summary>
/// Random schedules of many sessions of one model: each gives the tokens that it gives alone, bit by bit, whatever else runs, and all pages
/// are free at the end.
/// </summary>
/// <remarks>
/// COPPICE_SCHEDULES sets how many schedules run; without it a sample does. A schedule is steps of several readers in turn on one thread,
/// so it is the same for the same seed: arrivals, lengths, trees, cancellations, forks, preemptions (there are fewer pages than the
/// sessions ask for) and disposals.
/// </remarks>
public sealed class ScheduleTests
{
    private static readonly int Schedules = int.TryParse(Environment.GetEnvironmentVariable("COPPICE_SCHEDULES"), out var count)
        ? count : 300;

    private static readonly int First = int.TryParse(Environment.GetEnvironmentVariable("COPPICE_FIRST_SCHEDULE"), out var first)
        ? first : 0;

    /// <summary>One small layer, because there are many passes.</summary>
    internal const string Config = """
        {"model_type": "llama", "vocab_size": 96, "hidden_size": 16, "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 24,
         "num_hidden_layers": 1, "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "tie_word_embeddings": false, "eos_token_id": 1}
        """;

    [Theory]
    [InlineData(1, 64, "f32")]
    [InlineData(2, 3, "f32")]
    [InlineData(3, 64, "q8")]
    [InlineData(4, 3, "gear2")]
    public void Every_request_of_any_schedule_gives_the_tokens_that_it_gives_alone(int part, int places, string kind)
    {
        using var folder = new TinyModel(Config);
        var kv = KvCacheOptions.Named(kind);
        using var plain = folder.Load(new ModelOptions
        {
            Device = "cpu",
            Threads = 1,
            ContextLength = 300,
            KvCache = kv with { SharedTokens = 0 }
        });
        var alone = new AloneTexts(plain);
        var preemptions = 0L;
        for (var seed = First; seed < First + Schedules / 2; seed++)
        {
            var options = new ModelOptions
            {
                Device = "cpu",
                Threads = 1,
                ContextLength = 300,
                MaxSequences = places,
                PrefillChunk = 96 + seed % 3 * 50,
                TokenDelay = TimeSpan.FromMilliseconds(seed % 2 * 50),
                KvCache = kv with
                {
                    SharedTokens = 64 * (8 + seed % 9),
                    PrefixCaching = seed % 4 != 0,
                    PrefixHash = seed % 5 == 1 ? static (_, _) => 7 : null,     // blocks of all prompts collide
                },
            };
            using var model = folder.Load(options);
            try
            {
                new Schedule(model, alone, part * 1_000_000 + seed).Run();
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"schedule {seed} of part {part}", error);
            }
            var pages = model.Runner.SharedPages!;
            model.Prefixes?.Clear(CacheScope.Default);
            Assert.Equal((pages.Pages, 0), (pages.FreePages, pages.SharedPages));
            preemptions += model.Scheduler.Preemptions;
        }
        Assert.True(Schedules < 100 || preemptions > 0, "pages have to run out in some of the schedules");
    }

    /// <summary>What requests give alone, in a fresh session of a model without shared pages and without drafts.</summary>
    private sealed class AloneTexts(LanguageModel model)
    {
        private readonly Dictionary<(string Prompt, int Kind), int[]> _texts = [];

        public int[] Of(int[] prompt, int kind)
        {
            var key = (string.Join(' ', prompt), kind);
            if (_texts.TryGetValue(key, out var text)) return text;
            using var session = model.NewSession();
            return _texts[key] = session.Ids(prompt, Options(kind, 40, DrafterOptions.None));
        }
    }

    private static GenerationOptions Options(int kind, int tokens, DrafterOptions drafter) => kind switch
    {
        0 => new() { MaxTokens = tokens, Drafter = drafter },
        1 => new() { MaxTokens = tokens, Drafter = drafter, Temperature = 0.9f, TopK = 12, Seed = 5 },
        2 => new() { MaxTokens = tokens, Drafter = drafter, Temperature = 1.1f, Seed = 6, IgnoreEos = true },
        _ => new() { MaxTokens = tokens, Drafter = drafter, RepetitionPenalty = 1.2f },
    };

    private sealed class Schedule(LanguageModel model, AloneTexts alone, int seed)
    {
        private const int MostReaders = 7, Steps = 160;
        private static readonly string[] Drafters = ["none", "none", "auto:guard=false", "prompt-lookup:guard=false", "suffix:guard=false",
            "token-recycling:tree=template,guard=false"];

        private readonly Random _random = new(seed);
        private readonly List<Reader> _readers = [];
        private readonly List<Session> _idle = [];

        private sealed class Reader(Session session, int[] expected, int most, IEnumerator<GeneratedPiece> pieces)
        {
            public Session Session => session;
            public int[] Expected => expected;
            public int Most => most;
            public IEnumerator<GeneratedPiece> Pieces => pieces;
            public List<int> Ids { get; } = [];
            public bool IsDisposed { get; set; }
        }

        public void Run()
        {
            for (var step = 0; step < Steps; step++) Step();
            while (_readers.Count > 0) Read(_readers[0]);
            foreach (var session in _idle) session.Dispose();
        }

        private void Step()
        {
            var choice = _random.Next(100);
            if (choice < 14 && _readers.Count < MostReaders) Begin();
            else if (choice < 17 && _readers.Count > 0) Leave(Any(_readers));
            else if (choice < 19 && _readers.Count > 0) DisposeMeanwhile(Any(_readers));
            else if (choice < 21 && _idle.Count > 0) Fork(Any(_idle));
            else if (choice < 22 && _idle.Count > 0) Drop(Any(_idle));
            else if (_readers.Count > 0) Read(Any(_readers));
        }

        private T Any<T>(List<T> items) => items[_random.Next(items.Count)];

        private void Begin()
        {
            var session = _idle.Count > 0 && _random.Next(3) == 0 ? Any(_idle) : model.NewSession();
            _idle.Remove(session);
            var kind = _random.Next(4);
            var most = 1 + _random.Next(40);
            var prompt = Prompt(session);
            var drafter = DrafterOptions.Parse(Drafters[_random.Next(Drafters.Length)]);
            var expected = alone.Of(prompt, kind);
            var pieces = session.Generate(prompt, Options(kind, most, drafter) with { Priority = _random.Next(2) },
                TestContext.Current.CancellationToken);
            _readers.Add(new Reader(session, expected, most, pieces.GetEnumerator()));
        }

        /// <summary>One of a few beginnings, cut somewhere; or what a session has, and a token more.</summary>
        private int[] Prompt(Session session)
        {
            if (session.Tokens is { Count: > 0 and < 200 } tokens && _random.Next(2) == 0) return [.. tokens, 2 + _random.Next(3)];
            var whole = TinyModel.Prompt(200, seed: _random.Next(3));
            return whole[..new[] { 1, 2, 20, 63, 64, 65, 128, 140, 200 }[_random.Next(9)]];
        }

        private void Read(Reader reader)
        {
            if (reader.IsDisposed)
            {
                Assert.Throws<ObjectDisposedException>(() => reader.Pieces.MoveNext());
                reader.Pieces.Dispose();
                _readers.Remove(reader);
                return;
            }
            if (reader.Pieces.MoveNext())
            {
                reader.Ids.Add(reader.Pieces.Current.TokenId);
                return;
            }
            Assert.Equal(reader.Expected[..Math.Min(reader.Most, reader.Expected.Length)], reader.Ids);
            End(reader);
        }

        /// <summary>The reader goes away; the session keeps what was read.</summary>
        private void Leave(Reader reader)
        {
            reader.Pieces.Dispose();
            Assert.Equal(reader.Expected[..reader.Ids.Count], reader.Ids);
            if (reader.Ids.Count > 0 && !reader.IsDisposed) Assert.Equal(reader.Ids, reader.Session.Tokens.TakeLast(reader.Ids.Count));
            End(reader);
        }

        private void End(Reader reader)
        {
            reader.Pieces.Dispose();
            _readers.Remove(reader);
            if (!reader.IsDisposed) _idle.Add(reader.Session);
        }

        private static void DisposeMeanwhile(Reader reader)
        {
            if (reader.Ids.Count == 0) return;      // it has not begun yet: then there is nothing in the midst of which it could be
            reader.Session.Dispose();
            reader.IsDisposed = true;
        }

        private void Fork(Session session) => _idle.Add(session.Fork());

        private void Drop(Session session)
        {
            session.Dispose();
            _idle.Remove(session);
        }
    }
}
