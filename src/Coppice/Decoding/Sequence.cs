using System.Buffers;
using Coppice.Cache;
using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Execution;
using Coppice.Kernels;

namespace Coppice.Decoding;

/// <summary>One sequence: its tokens, and the cache that holds keys and values of all but the last of them. No device, no lock.</summary>
/// <remarks>
/// The last token is pending, that is, not yet in the cache, unless the choice after it waits (<see cref="IsHeld"/>).
/// <see cref="Decoder"/> plans its part of a pass and completes it; between generations the sequence belongs to its session. Not
/// thread-safe.
/// </remarks>
internal sealed class Sequence : IPromptSequence, ISharedPrompt, IDisposable
{
    /// <summary>A prompt's length where its end has not come: see <see cref="Begin"/>.</summary>
    public const int OpenPrompt = int.MaxValue;

    /// <summary>Tokens in front of a tree at most.</summary>
    private const int MostForced = 48;

    private readonly int? _longFrom;
    private int[] _tokens = [];         // prompt and generated, with room after them for the path that is being verified
    private float[]? _held;
    private DecodingOptions _options = DecodingOptions.Nothing;
    private bool _beyond;               // the cache holds keys turned by a longrope model's long factors
    private SharedPrefixes? _shared;
    private long _seen;                 // additions to the shared prefixes at the last look

    /// <summary>An empty sequence with a cache of its own from <paramref name="runner"/>.</summary>
    /// <exception cref="DeviceMemoryException">The device does not have enough memory.</exception>
    public Sequence(ModelRunner runner) : this(runner, runner.NewCache(runner.ContextLength)) { }

    private Sequence(ModelRunner runner, KvCache cache)
    {
        (ContextLength, VocabularySize, _longFrom) = (runner.ContextLength, runner.Spec.VocabularySize, runner.Spec.LongPositionsFrom);
        MostNodes = Math.Min(ModelRunner.TreeNodes, runner.Size.LogitRows);
        PathLength = runner.Size.PathLength;
        Path = new int[PathLength];
        Rows = new int[PathLength];
        Statistics = new DecodingStatistics(PathLength);
        Tree = new TokenTree(1, PathLength - 1);
        Cache = cache;
    }

    /// <summary>Tokens that fit, prompt and generated.</summary>
    public int ContextLength { get; }
    /// <summary>Entries of the vocabulary.</summary>
    public int VocabularySize { get; }
    /// <summary>Nodes of a token tree at most.</summary>
    public int MostNodes { get; }
    /// <summary>Depth of the deepest node, plus one.</summary>
    public int PathLength { get; }
    /// <summary>Keys and values of the tokens in front of the pending ones.</summary>
    public KvCache Cache { get; }
    /// <summary>Tokens in all.</summary>
    public int Count { get; private set; }
    /// <summary>Tokens of the prompt of the last generation.</summary>
    public int PromptLength { get; private set; }
    /// <summary>Tokens that were generated after it.</summary>
    public int GeneratedCount => Count - PromptLength;
    /// <summary>All tokens.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Count);
    /// <summary>Tokens whose keys and values are missing: at least 1 in a generation.</summary>
    public int Pending => Count - Cache.Length;
    /// <inheritdoc/>
    public int Ready => Math.Min(Pending, Cache.Room);
    /// <summary>
    /// Whether keys and values of a prompt are missing, or of as many tokens as if they were one: more than those that a constraint has
    /// forced since the last pass.
    /// </summary>
    public bool IsInPrompt => GeneratedCount == 0 || Pending > MostForced;
    /// <summary>Whether positions are turned by the long factors of a longrope model.</summary>
    public bool IsBeyond => _beyond;
    /// <summary>How the generation chooses, proposes and ends.</summary>
    public DecodingOptions Options => _options;
    /// <summary>The tree of the pass that is planned; only a root where nothing was drafted.</summary>
    public TokenTree Tree { get; private set; }
    /// <summary>Scratch: the accepted nodes of a pass.</summary>
    public int[] Path { get; }
    /// <summary>Scratch: their rows, and those of the tokens in front of the tree.</summary>
    public int[] Rows { get; }
    /// <summary>Counts and times since <see cref="Begin"/>.</summary>
    public DecodingStatistics Statistics { get; private set; }
    /// <summary>
    /// Tokens that a continuation may reach without all keys being turned anew: fewer than fit before the border of a longrope model.
    /// </summary>
    public int LengthLimit => _longFrom is { } border && !_beyond ? Math.Min(border, ContextLength) : ContextLength;
    /// <summary>Who has gone on from the sequence's keys and values and gives its own up with them; null for none.</summary>
    public IPreemptible? Branches { get; set; }
    /// <summary>Whether the next token is to be chosen from <see cref="Held"/>: its constraint waits for others.</summary>
    public bool IsHeld { get; set; }
    /// <summary>[vocabulary]: the row that was kept when the pass went on without a choice.</summary>
    public ReadOnlySpan<float> Held => _held;
    /// <summary>Why the generation ended; null while it goes on.</summary>
    public FinishReason? Finished { get; set; }

    /// <summary>
    /// Begins a generation. Keys and values of the beginning that <paramref name="prompt"/> shares with the sequence so far are kept.
    /// </summary>
    /// <param name="prompt">At least one token, and fewer than fit.</param>
    /// <param name="options">How.</param>
    /// <param name="shared">Where pages of other sequences are found and its own are offered; null for nowhere.</param>
    /// <param name="promptLength">
    /// Tokens that the model is to see as a prompt, <see cref="OpenPrompt"/> where more of it may follow; null for all of
    /// <paramref name="prompt"/>.
    /// </param>
    public void Begin(ReadOnlySpan<int> prompt, DecodingOptions options, SharedPrefixes? shared = null, int? promptLength = null)
    {
        var common = prompt.CommonPrefixLength(_tokens.AsSpan(0, Math.Min(Cache.Length, _tokens.Length)));
        var beyond = NeedsLongFactors(prompt.Length);
        var kept = beyond == _beyond ? Math.Min(common, prompt.Length - 1) : 0;
        _shared = Cache.SharesPages ? shared : null;
        if (!TryAdopt(prompt, kept, beyond)) Cache.Truncate(kept);
        Cache.BeginPrompt(promptLength ?? prompt.Length);
        Assign(prompt, Math.Min((long)prompt.Length + options.Stop.MaxTokens, ContextLength));
        (_beyond, _options, Finished, IsHeld) = (beyond, options, null, false);
        PromptLength = prompt.Length;
        Statistics = new DecodingStatistics(PathLength) { ReusedTokens = Cache.Length };
        if (options.Drafter.MayDraft && Tree.Capacity < MostNodes) Tree = new TokenTree(MostNodes, PathLength - 1);
    }

    /// <summary>Takes over tokens, of which the cache holds the first already.</summary>
    public void Restore(ReadOnlySpan<int> tokens, bool beyond)
    {
        Assign(tokens, tokens.Length);
        (_beyond, PromptLength, Finished, _shared) = (beyond, tokens.Length, null, null);
    }

    /// <summary>Creates a sequence with the same tokens; what they have in common is kept once where pages are shared.</summary>
    /// <exception cref="DeviceMemoryException">The device does not have enough memory.</exception>
    public Sequence Fork(ModelRunner runner)
    {
        var fork = new Sequence(runner, Cache.Fork());
        fork.Restore(Tokens, _beyond);
        return fork;
    }

    /// <summary>Keeps the row of <paramref name="node"/> for a choice that is made after the pass.</summary>
    public void Hold(PassOutput output, int node)
    {
        _held ??= new float[VocabularySize];
        output.Download(node, _held);
        IsHeld = true;
    }

    /// <summary>Appends a token that was chosen.</summary>
    public void Append(int token) => _tokens[Count++] = token;

    /// <summary>Forgets the tokens from <paramref name="count"/> on.</summary>
    public void TruncateTo(int count)
    {
        Count = Math.Min(count, Count);
        if (Cache.Length > Count) Cache.Truncate(Count);
    }

    /// <summary>Forgets the tokens from <paramref name="count"/> on within a generation: the last that stays is pending again.</summary>
    public void GoBackTo(int count)
    {
        Count = count;
        if (Cache.Length > Count - 1) Cache.Truncate(Count - 1);
    }

    /// <summary>The same for a sequence whose memory has been returned: only the tokens are there to be forgotten.</summary>
    public void DropTokens(int count) => Count = Math.Min(count, Count);

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        Cache.Truncate(0);
        (Count, PromptLength) = (0, 0);
    }

    /// <summary>Where a longrope model has passed the border of its original context, or came back, all keys are turned anew.</summary>
    public void SwitchFactors()
    {
        if (_beyond == NeedsLongFactors(Count)) return;
        _beyond = !_beyond;
        Cache.Truncate(0);
        Cache.BeginPrompt(Count);
    }

    /// <summary>Tokens from <paramref name="start"/> on, for a pass that runs later.</summary>
    public ReadOnlyMemory<int> Slice(int start, int count) => _tokens.AsMemory(start, count);

    /// <summary>The tokens up to a node of the tree.</summary>
    public ReadOnlySpan<int> TokensTo(int node)
    {
        var path = Tree.Path(node);
        for (var i = 1; i < path.Length; i++) _tokens[Count + i - 1] = Tree.Tokens[path[i]];
        return _tokens.AsSpan(0, Count + path.Length - 1);
    }

    /// <summary>
    /// Depth of the deepest node that can still be used: positions end, and a tree must not cross the border of a longrope model.
    /// </summary>
    public int MostDepth()
    {
        var remaining = Math.Min(_options.Stop.MaxTokens - GeneratedCount, ContextLength - Count);
        var depth = Math.Min(remaining - 1, Math.Min(PathLength, Cache.Room) - Pending);
        return _longFrom is { } border && !_beyond ? Math.Min(depth, border - Count) : depth;
    }

    /// <inheritdoc/>
    public void PlanPrompt(PassRequest request, int rows, int nodes)
    {
        SwitchFactors();
        rows = Math.Min(rows, Ready);
        request.Stretch(Cache, Slice(Cache.Length, rows), Math.Min(nodes, rows), _beyond);
    }

    /// <inheritdoc/>
    public void CompletePrompt(PassRequest request)
    {
        Cache.Advance(request.Rows);
        Offer();
    }

    /// <summary>Offers the pages of whole blocks to other sequences, if it offers any.</summary>
    public void Offer()
    {
        if (_shared is not { Offers: true } shared) return;
        shared.Cache.Insert(shared.Scope, _beyond, Tokens[..Cache.Length], Cache.WholePages);
    }

    /// <inheritdoc/>
    int ISharedPrompt.Done => Cache.Length;

    /// <inheritdoc/>
    void ISharedPrompt.TakeShared()
    {
        if (_shared is null || _seen == _shared.Cache.Additions) return;
        SwitchFactors();
        var had = Cache.Length;
        if (TryAdopt(Tokens, had, _beyond)) Statistics.ReusedTokens += Cache.Length - had;
    }

    /// <inheritdoc/>
    bool ISharedPrompt.NeedsFrom(ISharedPrompt other)
    {
        if (_shared is not { } shared || other is not Sequence first || first._beyond != _beyond || !shared.Sees(first._shared))
            return false;
        // The first block that neither has.
        var end = (Math.Max(Cache.Length, first.Cache.Length) / KvLayout.PageSize + 1) * KvLayout.PageSize;
        return end <= Math.Min(Count - 1, first.Count) && Tokens[..end].SequenceEqual(first.Tokens[..end]);
    }

    /// <inheritdoc/>
    public bool GiveUpPages()
    {
        var held = Cache.Length > 0;
        held |= Branches?.GiveUpPages() == true;
        Cache.Truncate(0);
        return held;
    }

    /// <inheritdoc/>
    public bool IsFreed { get; private set; }

    /// <summary>Returns the memory.</summary>
    public void Dispose()
    {
        IsFreed = true;
        Branches?.GiveUpPages();
        Cache.Dispose();
    }

    private bool NeedsLongFactors(int length) => _longFrom is { } border && length > border;

    /// <summary>Takes pages of other sequences, if they hold more of the prompt than <paramref name="kept"/> tokens.</summary>
    private bool TryAdopt(ReadOnlySpan<int> prompt, int kept, bool beyond)
    {
        if (_shared is not { Cache: var prefixes, Scope: var scope }) return false;
        _seen = prefixes.Additions;
        var most = (prompt.Length - 1) / KvLayout.PageSize;
        if (most * KvLayout.PageSize <= kept) return false;
        var pages = ArrayPool<int>.Shared.Rent(most);
        try
        {
            var found = prefixes.Match(scope, beyond, prompt, pages.AsSpan(0, most));
            var tokens = found * KvLayout.PageSize;
            if (tokens <= kept)
            {
                prefixes.Release(pages.AsSpan(0, found));
                return false;
            }
            Cache.Truncate(0);
            Cache.Adopt(pages.AsSpan(0, found), tokens);
            return true;
        }
        finally
        {
            ArrayPool<int>.Shared.Return(pages);
        }
    }

    /// <summary>Room is taken once for a generation, so that its tokens allocate nothing.</summary>
    private void Assign(ReadOnlySpan<int> tokens, long most)
    {
        var room = (int)most + PathLength + 1;
        if (_tokens.Length < room) _tokens = new int[room];
        tokens.CopyTo(_tokens);
        Count = tokens.Length;
    }
}
