using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Coppice.Drafting;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Execution;

/// <summary>
/// Random host programs: many threads that create, generate, fork, save, load, cancel, dispose and forget at random, and dispose what
/// another thread uses. Every text is the one that it is alone, every error is one that the documentation names, and all memory comes back.
/// </summary>
/// <remarks>
/// COPPICE_HOST_SECONDS sets how long each program runs; without it a sample of two seconds does. What threads do in which order is not the
/// same twice.
/// </remarks>
public sealed class HostProgramTests : IDisposable
{
    private const int Workers = 6, MostTokens = 24;

    private static readonly TimeSpan Time =
        TimeSpan.FromSeconds(int.TryParse(Environment.GetEnvironmentVariable("COPPICE_HOST_SECONDS"), out var seconds) ? seconds : 2);

    private static readonly string[] Drafters =
        ["none", "none", "auto:guard=false", "suffix:guard=false", "token-recycling:tree=template,guard=false", "draft"];

    private readonly ModelPair _folders = new(ScheduleTests.Config);
    private readonly DirectoryInfo _files = Directory.CreateTempSubdirectory("coppice-host-");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _folders.Dispose();
        _files.Delete(recursive: true);
    }

    [Theory, InlineData(10, 64), InlineData(40, 2), InlineData(0, 64)]
    public async Task Whatever_a_host_does_texts_are_right_and_all_memory_comes_back(int pages, int places)
    {
        using var plain = _folders.Load(Options(0, 64));
        using var model = _folders.Load(Options(pages, places));
        var program = new Program(model, plain, _folders.DraftFolder, _files.FullName);
        var end = Environment.TickCount64 + (long)Time.TotalMilliseconds;
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => program.StartAsync(worker, () => Environment.TickCount64 > end)));
        Assert.All(program.Done, done => Assert.True(done.Value > 0, done.Key));
        for (var attempt = 0; attempt < 100 && !IsEmpty(model); attempt++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            await Task.Delay(20, Cancellation);
        }
        Assert.Equal((0, 0), (model.Scheduler.Load, model.Scheduler.Idle));
        if (model.Runner.SharedPages is { } shared)
        {
            Assert.Equal(0, shared.SharedPages);
            Assert.Equal(shared.Pages, shared.FreePages + model.Prefixes!.PagesHeld);
        }
        Assert.DoesNotContain(_files.EnumerateFiles(), file => file.Extension != ".session");
    }

    [Fact]
    public async Task A_model_that_is_disposed_in_the_midst_of_it_ends_every_program()
    {
        using var plain = _folders.Load(Options(0, 64));
        for (var round = 0; round < Math.Max(3, Time.TotalSeconds); round++)
        {
            var model = _folders.Load(Options(round % 2 == 0 ? 20 : 0, 64));
            var program = new Program(model, plain, _folders.DraftFolder, _files.FullName);
            var ended = false;
            var programs = Enumerable.Range(100 * round, Workers).Select(seed => program.StartAsync(seed, () => Volatile.Read(ref ended)))
                .ToArray();
            await Task.Delay(20 + 17 * (round % 7), Cancellation);
            model.Dispose();
            Volatile.Write(ref ended, true);
            await Task.WhenAll(programs);
            program.DisposeAll();
            for (var attempt = 0; attempt < 100 && model.Backend.Memory.SlabBytes > 0; attempt++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                await Task.Delay(20, Cancellation);
            }
            Assert.Equal((0L, 0L), (model.Backend.Memory.BytesInUse, model.Backend.Memory.SlabBytes));
        }
    }

    private static ModelOptions Options(int pages, int places) => new()
    {
        Device = "cpu",
        Threads = 1,
        ContextLength = 300,
        MaxSequences = places,
        PrefillChunk = 96,
        TokenDelay = TimeSpan.FromMilliseconds(1),
        KvCache = new() { SharedTokens = 64 * pages },
    };

    private static bool IsEmpty(LanguageModel model) =>
        model.Scheduler.Idle == 0
        && (model.Runner.SharedPages is not { } pages || pages.FreePages + model.Prefixes!.PagesHeld == pages.Pages);

    /// <summary>What all threads of a host do with one model.</summary>
    private sealed class Program(LanguageModel model, LanguageModel plain, string draftFolder, string folder)
    {
        private readonly ConcurrentDictionary<int, Session> _disposable = [];      // of any thread, for any thread to dispose
        private readonly ConcurrentDictionary<(int Text, int Length), int[]> _alone = [];
        private readonly ConcurrentDictionary<string, int> _done = [];
        private int _sessions;

        /// <summary>How often each kind of step came to its end.</summary>
        public IReadOnlyDictionary<string, int> Done => _done;

        public Task StartAsync(int seed, Func<bool> isOver) => Task.Factory.StartNew(
            () => RunAsync(new Random(seed), isOver), Cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap();

        public void DisposeAll()
        {
            foreach (var session in _disposable.Values) session.Dispose();
            _disposable.Clear();
        }

        private async Task RunAsync(Random random, Func<bool> isOver)
        {
            var own = new Dictionary<int, Session>();
            while (!isOver())
            {
                try
                {
                    await StepAsync(random, own);
                }
                catch (ObjectDisposedException)
                {
                    // Another thread has disposed the session, or the test the model.
                    foreach (var id in own.Keys.Where(id => !_disposable.ContainsKey(id)).ToArray()) own.Remove(id);
                }
                catch (OperationCanceledException)
                {
                    _done.AddOrUpdate("cancelled", 1, (_, count) => count + 1);
                }
                if (own.Count > 3) End(own, own.Keys.First());
            }
            foreach (var id in own.Keys.ToArray()) End(own, id);
        }

        private async Task StepAsync(Random random, Dictionary<int, Session> own)
        {
            var isOld = own.Count > 0 && random.Next(3) > 0;
            var session = isOld ? own.ElementAt(random.Next(own.Count)).Value : Add(own, model.NewSession());
            using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
            if (random.Next(4) == 0) source.CancelAfter(TimeSpan.FromMilliseconds(random.Next(3)));
            var (text, length) = (random.Next(3), new[] { 1, 20, 63, 64, 65, 128, 140 }[random.Next(7)]);
            var prompt = Prompt(text, length);
            var step = random.Next(14);
            switch (step)
            {
                case 0 or 1 or 2: await ReadAsync(random, session, text, length, source.Token); break;
                case 3: await ReadAsync(random, session, text, length, source.Token); break;
                case 4: Add(own, session.Fork()); break;
                case 5: session.Reset(); break;
                case 6: await session.PrefillAsync(prompt, cancellationToken: source.Token); break;
                case 7: await session.SaveAsync(Path.Combine(folder, $"{random.Next(3)}.session"), source.Token); break;
                case 8: await LoadAsync(random, session, source.Token); break;
                case 9: await ScoreAsync(prompt, source.Token); break;
                case 10: End(own, own.First(pair => pair.Value == session).Key); break;
                case 11: DisposeAnothers(random); break;
                case 12: Forget(random, prompt); break;
                default: await ForgetLoopAsync(own, session, prompt); break;
            }
            _done.AddOrUpdate($"step {step}", 1, (_, count) => count + 1);
        }

        private Session Add(Dictionary<int, Session> own, Session session)
        {
            var id = Interlocked.Increment(ref _sessions);
            _disposable[id] = session;
            own[id] = session;
            return session;
        }

        private void End(Dictionary<int, Session> own, int id)
        {
            own[id].Dispose();
            _disposable.TryRemove(id, out _);
            own.Remove(id);
        }

        private void DisposeAnothers(Random random)
        {
            var ids = _disposable.Keys.ToArray();
            if (ids.Length == 0) return;
            if (_disposable.TryRemove(ids[random.Next(ids.Length)], out var session)) session.Dispose();
        }

        private static int[] Prompt(int text, int length) => TinyModel.Prompt(200, text)[..length];

        private int[] Alone(int text, int length) => _alone.GetOrAdd((text, length), key =>
        {
            using var session = plain.NewSession();
            return session.Ids(Prompt(key.Text, key.Length), new GenerationOptions { MaxTokens = MostTokens, IgnoreEos = true });
        });

        private async Task ReadAsync(Random random, Session session, int text, int length, CancellationToken cancellation)
        {
            var (prompt, expected) = (Prompt(text, length), Alone(text, length));
            var name = Drafters[random.Next(Drafters.Length)];
            var options = new GenerationOptions
            {
                MaxTokens = MostTokens,
                IgnoreEos = true,
                Drafter = name == "draft" ? new DraftModelOptions { Model = draftFolder, Guarded = false } : DrafterOptions.Parse(name),
                Priority = random.Next(2),
            };
            var most = random.Next(3) == 0 ? random.Next(MostTokens) : int.MaxValue;
            var ids = new List<int>();
            if (random.Next(2) == 0)
            {
                foreach (var piece in session.Generate(prompt, options, cancellation))
                {
                    Take(piece);
                    if (ids.Count > most) break;
                }
            }
            else
            {
                await foreach (var piece in session.GenerateAsync(prompt, options, cancellation))
                {
                    Take(piece);
                    if (ids.Count > most) break;
                }
            }
            Assert.Equal(Math.Min(most == int.MaxValue ? MostTokens : most + 1, MostTokens), ids.Count);

            void Take(GeneratedPiece piece)
            {
                Assert.Equal(expected[ids.Count], piece.TokenId);
                ids.Add(piece.TokenId);
            }
        }

        private async Task LoadAsync(Random random, Session session, CancellationToken cancellation)
        {
            var path = Path.Combine(folder, $"{random.Next(3)}.session");
            if (!File.Exists(path)) return;
            await session.LoadAsync(path, cancellation);
            // A prompt of one of the texts, with what follows it as far as it was read.
            int[] tokens = [.. session.Tokens];
            Assert.True(tokens.Length == 0 || IsKnown(tokens), string.Join(' ', tokens));
        }

        private bool IsKnown(int[] tokens)
        {
            for (var text = 0; text < 3; text++)
            {
                foreach (var length in new[] { 1, 20, 63, 64, 65, 128, 140 })
                {
                    int[] whole = [.. Prompt(text, length), .. Alone(text, length)];
                    if (tokens.Length >= length && whole.AsSpan().StartsWith(tokens)) return true;
                }
            }
            return false;
        }

        private async Task ScoreAsync(int[] prompt, CancellationToken cancellation)
        {
            if (prompt.Length < 2) return;
            using var scorer = new Scorer(model);
            using var other = new Scorer(plain);
            ScoredText[] texts = [new([], prompt), new(prompt[..1], prompt[1..])];
            var scores = await scorer.LogProbabilitiesAsync(texts, cancellation);
            Assert.Equal(scores[0], scores[1]);
            Assert.Equal(other.LogProbabilities(texts[0], Cancellation), scores[0]);
        }

        /// <summary>A session that nobody disposes.</summary>
        [MethodImpl(MethodImplOptions.NoInlining)]
        private void Forget(Random random, int[] prompt)
        {
            var session = model.NewSession();
            session.Ids(prompt, new GenerationOptions { MaxTokens = 1 + random.Next(4), IgnoreEos = true });
        }

        /// <summary>A loop that nobody ends, of a session that nobody disposes.</summary>
        private async Task ForgetLoopAsync(Dictionary<int, Session> own, Session session, int[] prompt)
        {
            var id = own.First(pair => pair.Value == session).Key;
            var running = session.GenerateAsync(prompt, new GenerationOptions { MaxTokens = 200, IgnoreEos = true }, CancellationToken.None)
                .GetAsyncEnumerator(CancellationToken.None);
            own.Remove(id);
            _disposable.TryRemove(id, out _);
            await running.MoveNextAsync();
        }
    }
}
