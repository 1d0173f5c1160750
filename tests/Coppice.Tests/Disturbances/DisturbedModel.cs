using Coppice.Drafting;
using Coppice.Tests.Execution;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Disturbances;

/// <summary>The models of a test class, made once.</summary>
public sealed class DisturbedModels : IDisposable
{
    private const string Compressed = "gear4";

    private readonly ModelPair _folders = new(ScheduleTests.Config);
    private readonly Dictionary<string, DisturbedModel> _models;
    private readonly UndisturbedModel[] _undisturbed;

    public DisturbedModels()
    {
        Undisturbed = new UndisturbedModel(_folders.Load(DisturbedModel.Options(0)), _folders);
        var compressed = new UndisturbedModel(_folders.Load(DisturbedModel.Options(0, Compressed)), _folders);
        _undisturbed = [Undisturbed, compressed];
        _models = new()
        {
            ["shared pages"] = New(40),
            ["own pages"] = New(0),
            ["compressed, shared"] = new(Folder, compressed, DisturbedModel.Options(60, Compressed)),
            ["compressed"] = new(Folder, compressed, DisturbedModel.Options(0, Compressed)),
        };
    }

    internal string Folder => _folders.Folder;
    internal UndisturbedModel Undisturbed { get; }
    /// <summary>The model whose sessions keep keys and values in the way that is called <paramref name="kind"/>.</summary>
    internal DisturbedModel this[string kind] => _models[kind];

    /// <summary>Another one, which belongs to the caller.</summary>
    internal DisturbedModel New(int pages) => new(Folder, Undisturbed, DisturbedModel.Options(pages));

    public void Dispose()
    {
        foreach (var model in _models.Values) model.Dispose();
        foreach (var model in _undisturbed) model.Dispose();
        _folders.Dispose();
    }
}

/// <summary>A small model on a <see cref="WatchedDevice"/>.</summary>
internal sealed class DisturbedModel(string folder, UndisturbedModel undisturbed, ModelOptions options) : IDisposable
{
    internal WatchedDevice Device { get; } = new();
    internal LanguageModel Model => field ??= LanguageModel.Load(Device.Backend, folder, options);
    internal UndisturbedModel Undisturbed => undisturbed;

    internal static ModelOptions Options(int pages, string kind = "f32") => new()
    {
        Device = "cpu",
        Threads = 1,
        ContextLength = 300,
        PrefillChunk = 96,
        KvCache = KvCacheOptions.Named(kind) with { SharedTokens = 64 * pages, ExactTokens = 64 * pages / 2 },
    };

    /// <summary>A session of another user, in the midst of a text.</summary>
    internal Witness NewWitness() => new(Model.NewSession(), Undisturbed);

    /// <summary>Bytes, buffers and pages in use, and what the scheduler knows of.</summary>
    internal (long Bytes, long Slabs, long Forgotten, int Pages, int Load, int Idle) Counts()
    {
        Model.Prefixes?.Clear(CacheScope.Default);
        var memory = Model.Backend.Memory;
        // Pages of scopes that have ended stay until they are needed; who asks how many there are frees some.
        var prefixes = Model.Prefixes?.PagesHeld ?? 0;
        var held = Model.Runner.SharedPages is { } pages ? pages.Pages - pages.FreePages - prefixes : 0;
        var forgotten = memory.ForgottenBuffers + memory.ForgottenPools;
        return (memory.BytesInUse, memory.SlabBytes, forgotten, held, Model.Scheduler.Load, Model.Scheduler.Idle);
    }

    /// <summary>Whatever a scenario took is back.</summary>
    internal void CheckNothingIsLost((long Bytes, long Slabs, long Forgotten, int Pages, int Load, int Idle) before, string where)
    {
        var now = Counts();
        if (now != before) Assert.Fail($"{where}: {before} before, {now} after");
    }

    public void Dispose()
    {
        Model.Dispose();
        Device.CheckEverythingIsFreed();
    }

    /// <summary>
    /// Reads the beginning of a text at once, and the rest when it is asked to. Where its passes failed too, it begins anew.
    /// </summary>
    internal sealed class Witness : IDisposable
    {
        private const int Tokens = 40;
        private static readonly int[] Prompt = TinyModel.Prompt(20, seed: 9);

        private readonly Session _session;
        private readonly int[] _expected;
        private readonly IEnumerator<GeneratedPiece> _pieces;
        private readonly List<int> _ids = [];

        public Witness(Session session, UndisturbedModel undisturbed)
        {
            (_session, _expected) = (session, undisturbed.Text(Prompt, Tokens));
            _pieces = session.Generate(Prompt, Options, TestContext.Current.CancellationToken).GetEnumerator();
            for (var i = 0; i < 2; i++) Read();
        }

        private static GenerationOptions Options => new() { MaxTokens = Tokens, IgnoreEos = true, Drafter = DrafterOptions.None };

        public void Finish()
        {
            try
            {
                while (Read()) { }
            }
            catch (Exception error) when (error is not Xunit.Sdk.XunitException)
            {
                Assert.Equal(FinishReason.Error, _session.LastResult!.FinishReason);
                Assert.Equal(_ids, _session.LastResult.Ids);
                _ids.Clear();
                _ids.AddRange(_session.Ids(Prompt, Options));
            }
            Assert.Equal(_expected, _ids);
        }

        public void Dispose()
        {
            _pieces.Dispose();
            _session.Dispose();
        }

        private bool Read()
        {
            if (!_pieces.MoveNext()) return false;
            _ids.Add(_pieces.Current.TokenId);
            Assert.Equal(_expected[_ids.Count - 1], _ids[^1]);
            return true;
        }
    }
}
