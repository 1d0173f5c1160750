namespace Coppice.Execution;

/// <summary>What a participant may use of the next pass.</summary>
/// <param name="Rows">Rows at most.</param>
/// <param name="TreeRows">Rows of a tree with branches at most; 1 where it must not draft.</param>
/// <param name="OtherRows">Rows of the other sequences in the pass, those of prompts not counted.</param>
/// <param name="OtherTokens">Tokens that those are expected to give.</param>
/// <param name="RowSeconds">What a row more takes beside prompts, in seconds; 0 where there are none.</param>
internal readonly record struct PassShare(int Rows, int TreeRows, int OtherRows, double OtherTokens, double RowSeconds);

/// <summary>A pass that has run.</summary>
/// <param name="Time">What the device took, the head as far as it ran with the pass.</param>
/// <param name="Rows">Rows of all sequences.</param>
/// <param name="Sequences">Sequences in the pass.</param>
/// <param name="Allocated">Managed bytes that running it allocated.</param>
internal readonly record struct PassReport(TimeSpan Time, int Rows, int Sequences, long Allocated);

/// <summary>Who has keys and values and can give their pages up: what they held is computed anew when it is needed.</summary>
internal interface IPreemptible
{
    /// <summary>Gives all pages up; false where there were none.</summary>
    bool GiveUpPages();

    /// <summary>Whether it was freed: it never holds pages again, and whoever withdraws its work late must not keep it.</summary>
    bool IsFreed => false;
}

/// <summary>Where a participant is.</summary>
internal enum ParticipantState
{
    /// <summary>Unknown to the scheduler: new, paused because nobody reads, or at its end.</summary>
    Detached,
    /// <summary>In the queue, for a place or for pages.</summary>
    Waiting,
    /// <summary>Takes part in passes.</summary>
    Active,
}

/// <summary>
/// A sequence, or several that go on together, in the eyes of the scheduler: it plans its part of a pass, and completes what the pass
/// gave.
/// </summary>
/// <remarks>
/// <see cref="Plan"/> and <see cref="Complete"/> run on the thread that drives, one participant after the other and never at the same time;
/// they take no lock of the scheduler's. What the consumer sees changes in <see cref="Publish"/>, after the participant has left the pass.
/// </remarks>
internal abstract class PassParticipant
{
    private readonly PassRequest[] _own = [new()];

    /// <summary>Its part of the next pass, where it is one sequence.</summary>
    public PassRequest Request => _own[0];
    /// <summary>Its parts of the next pass: of each of its sequences that has one.</summary>
    public virtual ReadOnlySpan<PassRequest> Requests => _own;
    /// <summary>Rows that it needs in a pass that gives tokens: one for each of its sequences.</summary>
    public virtual int LeastRows => 1;
    /// <summary>Rows of its part of the next pass.</summary>
    public int Rows
    {
        get
        {
            var rows = 0;
            foreach (var request in Requests) rows += request.Rows;
            return rows;
        }
    }
    /// <summary>Larger ones are served first.</summary>
    public int Priority { get; init; }
    /// <summary>What holds its pages.</summary>
    public abstract IPreemptible Pages { get; }
    /// <summary>
    /// Tokens in front of the next one to be chosen whose keys and values are missing, but for the last; 0 where the next pass gives a
    /// token.
    /// </summary>
    public abstract int PromptRows { get; }
    /// <summary>Its prompt, as long as it is being computed; null afterwards, or where it has none that others could begin with.</summary>
    public virtual ISharedPrompt? Prompt => null;
    /// <summary>Whether all its rows must be in one pass: each depends on those after it too.</summary>
    public virtual bool IsWhole => false;
    /// <summary>Tokens in all.</summary>
    public abstract int TokenCount { get; }
    /// <summary>Whether there is something to read, or the end was reached.</summary>
    public abstract bool HasOutput { get; }
    /// <summary>Whether there is room for what another pass gives.</summary>
    public abstract bool HasRoom { get; }
    /// <summary>
    /// Whether it waits for something that is no pass: it is left out of passes until <see cref="Scheduler.Resume"/>, and then plans first.
    /// </summary>
    public virtual bool IsPaused => false;
    /// <summary>Whether the last plan has work for a pass; what it waits for may come at any moment, also right after it.</summary>
    public virtual bool HasPlan => true;
    /// <summary>Whether it has ended.</summary>
    public abstract bool IsFinished { get; }
    /// <summary>Whether passes shall run for it although nobody waits on a thread.</summary>
    public abstract bool RunsAhead { get; }
    /// <summary>Tokens that its part of the next pass is expected to give; set by <see cref="Plan"/>.</summary>
    public double ExpectedTokens { get; protected set; } = 1;
    /// <summary>Tokens that the last pass gave; set by <see cref="Complete"/>.</summary>
    public int GivenTokens { get; protected set; }
    /// <summary>
    /// Whether it may go without a draft where drafts do not pay, which depends on times: not where that would change its text.
    /// </summary>
    public virtual bool MayRest => true;

    /// <summary>Where it is; changed under the scheduler's lock.</summary>
    internal ParticipantState State { get; set; }
    /// <summary>Whether a pass runs, or is planned, with it; changed under the scheduler's lock.</summary>
    internal bool IsInPass { get; set; }
    /// <summary>Whether it comes back when it is no longer paused; changed under the scheduler's lock.</summary>
    internal bool ComesBack { get; set; }
    /// <summary>The order of arrival: who came last gives its pages up first.</summary>
    internal long Arrival { get; set; }
    /// <summary>When it was in a pass last, in passes.</summary>
    internal long Served { get; set; }
    /// <summary>Rows of its prompt in the pass that is being planned.</summary>
    internal int Chunk { get; set; }
    /// <summary>Set where a thread waits for it to leave a pass.</summary>
    internal TaskCompletionSource? Leaving { get; set; }

    /// <summary>Fills <see cref="Request"/>, within <paramref name="share"/>.</summary>
    public abstract void Plan(in PassShare share);
    /// <summary>Takes what the pass gave.</summary>
    public abstract void Complete(in PassReport report);
    /// <summary>Ends it: <paramref name="error"/> is thrown to whoever reads.</summary>
    public abstract void Fail(Exception error);
    /// <summary>Shows the consumer what <see cref="Complete"/> or <see cref="Fail"/> brought, and wakes it.</summary>
    public abstract void Publish();
}
