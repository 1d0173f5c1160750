using System.Diagnostics;

namespace Coppice.Execution;

/// <summary>What one sequence asks of draft heads after a pass, and what they answered.</summary>
/// <param name="heads">The heads.</param>
internal sealed class HeadSlot(HeadRunner heads)
{
    /// <summary>[hidden]: the state of the last token that was verified.</summary>
    public float[] State { get; } = new float[heads.HiddenSize];
    /// <summary>The token after it: the root of the next tree.</summary>
    public int Root { get; set; }
    /// <summary>[heads, top], or [top] where heads run one after the other: best tokens after the root.</summary>
    public int[] Tokens { get; } = new int[(heads.IsConditioned ? 1 : heads.Depth) * heads.Top];
    /// <summary>Their logits.</summary>
    public float[] Logits { get; } = new float[(heads.IsConditioned ? 1 : heads.Depth) * heads.Top];
    /// <summary>Whether the answer is still to be computed.</summary>
    public bool IsWaiting { get; set; }
}

/// <summary>
/// Gathers what the sequences of a model ask of its draft heads after a pass: who needs an answer first has all of them computed in one
/// run, so that the weights are read once.
/// </summary>
/// <remarks>Thread-safe. Results do not depend on who else is in the run.</remarks>
/// <param name="heads">Runs them.</param>
internal sealed class HeadBatch(HeadRunner heads)
{
    private const double Follow = 0.1;
    private const int WarmUpRuns = 4;

    private readonly Lock _sync = new();
    private readonly List<HeadSlot> _waiting = new(HeadRunner.MostRows);
    private readonly float[] _states = new float[HeadRunner.MostRows * heads.HiddenSize];
    private readonly int[] _roots = new int[HeadRunner.MostRows];
    private readonly int[] _tokens = new int[HeadRunner.MostRows * heads.Depth * heads.Top];
    private readonly float[] _logits = new float[HeadRunner.MostRows * heads.Depth * heads.Top];

    /// <summary>Time of a run for one sequence, a slow mean of those so far, in seconds; 0 before the first.</summary>
    public double Seconds { get; private set; }

    /// <summary>The slot's state and root were set: its answer is wanted, perhaps.</summary>
    public void Post(HeadSlot slot)
    {
        lock (_sync)
        {
            if (slot.IsWaiting) return;
            slot.IsWaiting = true;
            _waiting.Add(slot);
        }
    }

    /// <summary>The slot's answer is not wanted any more.</summary>
    public void Withdraw(HeadSlot slot)
    {
        lock (_sync)
        {
            slot.IsWaiting = false;
            _waiting.Remove(slot);
        }
    }

    /// <summary>Computes the answer of <paramref name="slot"/>, where it is missing, and those of others that wait.</summary>
    /// <remarks>
    /// The first answer is computed several times, in a pass's own time: code is compiled in the first run, and who weighs heads by
    /// <see cref="Seconds"/> would hold them for too dear and never ask again.
    /// </remarks>
    public void Compute(HeadSlot slot)
    {
        lock (_sync)
        {
            if (!slot.IsWaiting) return;
            if (Seconds == 0) WarmUp(slot);
            var start = Stopwatch.GetTimestamp();
            _waiting.Remove(slot);
            _waiting.Insert(0, slot);
            var (rows, width, top) = (Math.Min(_waiting.Count, HeadRunner.MostRows), heads.HiddenSize, heads.Top);
            for (var row = 0; row < rows; row++)
            {
                _waiting[row].State.CopyTo(_states.AsSpan(row * width));
                _roots[row] = _waiting[row].Root;
            }
            var states = _states.AsSpan(0, rows * width);
            Run(states, _roots.AsSpan(0, rows));
            for (var row = 0; row < rows; row++)
            {
                var answered = _waiting[row];
                for (int head = 0, from = row * top; head < answered.Tokens.Length / top; head++, from += rows * top)
                {
                    _tokens.AsSpan(from, top).CopyTo(answered.Tokens.AsSpan(head * top));
                    _logits.AsSpan(from, top).CopyTo(answered.Logits.AsSpan(head * top));
                }
                answered.IsWaiting = false;
            }
            _waiting.RemoveRange(0, rows);
            if (rows == 1) Observe(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
    }

    /// <summary>A run for one sequence took so long; the first, in which code may be compiled, is soon forgotten.</summary>
    public void Observe(double seconds) =>
        Seconds = Seconds == 0 || seconds < Seconds / 2 ? seconds : Seconds + Follow * (seconds - Seconds);

    private void WarmUp(HeadSlot slot)
    {
        for (var i = 0; i < WarmUpRuns; i++)
        {
            var start = Stopwatch.GetTimestamp();
            Run(slot.State, [slot.Root]);
            Observe(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
    }

    private void Run(ReadOnlySpan<float> states, ReadOnlySpan<int> roots)
    {
        if (heads.IsConditioned) heads.Run(0, states, roots, _tokens, _logits);
        else heads.Run(states, _tokens, _logits);
    }
}
