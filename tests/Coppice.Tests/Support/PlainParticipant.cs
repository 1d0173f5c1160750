using Coppice.Cache;
using Coppice.Execution;

namespace Coppice.Tests.Support;

/// <summary>
/// A sequence without a text, for questions of who is in which pass: it runs the rows it wants, and one row a pass when it has had them.
/// </summary>
internal sealed class PlainParticipant(LanguageModel model, int rows) : PassParticipant, IPreemptible, IDisposable
{
    private readonly KvCache _cache = model.Runner.NewCache(model.ContextLength);
    private readonly int[] _tokens = TinyModel.Prompt(model.ContextLength);
    private int _wanted = rows;
    private bool _ended;

    /// <summary>Whether the rows that it wants are a prompt's.</summary>
    public bool IsPrompt { get; init; }
    /// <summary>Whether another thread ends it as it gives its pages up.</summary>
    public bool EndsAsItGivesUp { get; init; }
    /// <summary>The number of passes that it ends with.</summary>
    public int MostPasses { get; init; } = int.MaxValue;
    /// <summary>Whoever waits for it goes at this pass of the runner; if none is set, when it has had its rows.</summary>
    public long Limit { get; set; } = long.MaxValue;
    /// <summary>What it failed with.</summary>
    public Exception? Error { get; private set; }
    /// <summary>Rows that it still wants.</summary>
    public int Left => _wanted;
    /// <summary>Numbers of the passes that it was in, and its rows of each.</summary>
    public List<(long Pass, int Rows)> Passes { get; } = [];

    public override IPreemptible Pages => this;
    public override int PromptRows => IsPrompt ? Math.Max(_wanted - 1, 0) : 0;
    public override int TokenCount => _cache.Length + 1;
    public override bool HasOutput => IsFinished || (Limit == long.MaxValue ? _wanted == 0 : model.Runner.Pass >= Limit);
    public override bool HasRoom => true;
    public override bool IsFinished => Error is not null || _ended || Passes.Count >= MostPasses;
    public override bool RunsAhead => false;

    /// <summary>Wants <paramref name="rows"/> rows from the first position on.</summary>
    public void Want(int rows)
    {
        _wanted = rows;
        _cache.Truncate(0);
    }

    public override void Plan(in PassShare share)
    {
        if (_cache.Length > model.ContextLength - 50 && _wanted == 0) _cache.Truncate(0);
        var rows = Math.Clamp(_wanted, 1, share.Rows);
        Request.Stretch(_cache, _tokens.AsMemory(_cache.Length, rows), nodes: 0);
    }

    public override void Complete(in PassReport report)
    {
        _cache.Advance(Request.Rows);
        Passes.Add((model.Runner.Pass, Request.Rows));
        _wanted = Math.Max(_wanted - Request.Rows, 0);
    }

    public override void Fail(Exception error) => Error ??= error;

    public override void Publish()
    {
    }

    public bool GiveUpPages()
    {
        _ended |= EndsAsItGivesUp;
        var held = _cache.Length > 0;
        _cache.Truncate(0);
        return held;
    }

    public void Dispose() => _cache.Dispose();
}
