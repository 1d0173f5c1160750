using System.Diagnostics;
using Coppice.Decoding.Verification;
using Coppice.Execution;
using Coppice.Kernels;
using Coppice.Models;

namespace Coppice.Drafting;

/// <summary>What draft heads say of one sequence: the tokens that may follow its last ones, asked for node by node.</summary>
/// <remarks>
/// Follows the sequence by the states that a drafter is told. Where the tokens after the last verified one were not all chosen by the pass
/// (a constraint has forced some) there is no state to start from, and nothing is said. One thread at a time.
/// </remarks>
internal sealed class HeadSource : IDisposable
{
    private const int Nowhere = -2;

    private static readonly int[] Final = [HiddenLayer.Final];

    private readonly DraftHeads _heads;
    private readonly HeadSlot _slot;
    private readonly PrefixStates? _prefix;
    private readonly int[] _tokens;
    private readonly float[] _logits;
    private int _position = Nowhere;        // of the token whose state the slot has

    /// <summary>A source for a sequence of at most <paramref name="maxTokens"/>.</summary>
    /// <exception cref="DeviceMemoryException">The device does not have enough memory.</exception>
    public HeadSource(DraftHeads heads, int maxTokens)
    {
        (_heads, _slot) = (heads, new HeadSlot(heads.Heads));
        (_tokens, _logits) = (new int[heads.Heads.Top], new float[heads.Heads.Top]);
        if (heads.Prefix is { } layer) _prefix = new PrefixStates(layer, heads.Heads.HiddenSize, maxTokens);
    }

    /// <summary>Which states a drafter must ask for.</summary>
    public static ReadOnlyMemory<int> HiddenLayers => Final;
    /// <summary>What a drafter needs besides them.</summary>
    public DrafterNeeds Needs => _prefix is null ? DrafterNeeds.None : DrafterNeeds.PromptStates;
    /// <summary>Tokens ahead that something is said of.</summary>
    public int Depth => _heads.Heads.Depth;
    /// <summary>Tokens that are said to follow a node.</summary>
    public int Top => _heads.Heads.Top;
    /// <summary>Seconds of <see cref="TryBegin"/>; 0 before any was measured.</summary>
    public double Seconds => _heads.Batch.Seconds;
    /// <summary>Seconds of <see cref="Read"/> for a node below the root.</summary>
    public double ReadSeconds => _heads.Heads.IsConditioned ? _heads.Batch.Seconds : 0;

    /// <summary>A generation begins.</summary>
    public void Begin()
    {
        _heads.Batch.Withdraw(_slot);
        _position = Nowhere;
    }

    /// <inheritdoc cref="Drafter.TakePrompt"/>
    public void TakePrompt(in HiddenRows states) => _prefix?.Take(states, states.Count);

    /// <summary>A pass has run.</summary>
    public void Accept(in VerificationResult verification)
    {
        // Rows after the end of the text are of tokens that are not in it.
        var count = Math.Min(verification.Hidden.Count, verification.Emitted.Length);
        if (count == 0) return;
        var states = verification.Hidden;
        if (_prefix is not null) _prefix.Take(states, count);
        else states.After(HiddenLayer.Final).Slice((count - 1) * _heads.Heads.HiddenSize, _heads.Heads.HiddenSize).CopyTo(_slot.State);
        _position = states.First + count - 1;
        _slot.Root = verification.Tokens[_position + 1];
        _heads.Batch.Post(_slot);
    }

    /// <summary>
    /// Runs the heads for a sequence of <paramref name="tokens"/> tokens, the last one the root, unless that was done; others that wait
    /// have theirs computed too. False where there is no state for it.
    /// </summary>
    public bool TryBegin(int tokens)
    {
        if (_position != tokens - 2) return false;
        if (_slot.IsWaiting) _prefix?.Read(_slot.State);
        _heads.Batch.Compute(_slot);
        return true;
    }

    /// <summary>What may follow a node, the best first, with logits; valid until the next call.</summary>
    /// <param name="path">Tokens from the root to the node, fewer than <see cref="Depth"/> after the root.</param>
    /// <param name="logits">Of the tokens.</param>
    public ReadOnlySpan<int> Read(ReadOnlySpan<int> path, out ReadOnlySpan<float> logits)
    {
        var (depth, conditioned) = (path.Length - 1, _heads.Heads.IsConditioned);
        if (depth > 0 && conditioned)
        {
            var start = Stopwatch.GetTimestamp();
            _heads.Heads.Run(depth, _slot.State, path, _tokens, _logits);
            _heads.Batch.Observe(Stopwatch.GetElapsedTime(start).TotalSeconds);
            logits = _logits;
            return _tokens;
        }
        logits = _slot.Logits.AsSpan(depth * Top, Top);
        return _slot.Tokens.AsSpan(depth * Top, Top);
    }

    /// <summary>Frees what it holds; the heads belong to the model.</summary>
    public void Dispose()
    {
        _heads.Batch.Withdraw(_slot);
        _prefix?.Dispose();
    }
}
