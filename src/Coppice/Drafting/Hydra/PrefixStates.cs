using Coppice.Cache;
using Coppice.Decoding.Verification;
using Coppice.Execution;
using Coppice.Models;

namespace Coppice.Drafting;

/// <summary>The prefix layer's keys and values of one sequence, which follow what is committed, and its output for the last.</summary>
/// <remarks>
/// States of positions that come again take the place of those from there on. Where positions were never computed for this drafter (a
/// prefix that another session had) the layer sees what comes after the gap alone, as if the text began there. States wait on the host
/// until a draft is made: a text that is never drafted for costs a copy.
/// </remarks>
/// <param name="layer">The layer; belongs to the model.</param>
/// <param name="width">Elements of a state.</param>
/// <param name="maxTokens">Tokens of the longest sequence.</param>
internal sealed class PrefixStates(PrefixLayer layer, int width, int maxTokens) : IDisposable
{
    private readonly KvCache _cache = layer.NewCache();
    private readonly float[] _waiting = new float[PrefixLayer.MostRows * width];
    private readonly float[] _output = new float[width];
    private int _start;         // position of the cache's first token
    private int _count;         // states that wait

    private int Next => _start + _cache.Length + _count;

    /// <summary>Takes the first <paramref name="count"/> of <paramref name="states"/>.</summary>
    public void Take(in HiddenRows states, int count)
    {
        if (states.First > Next || states.First < _start) Restart(states.First);
        else if (states.First < Next) GoBack(states.First);
        var rows = states.After(HiddenLayer.Final)[..(count * width)];
        while (!rows.IsEmpty)
        {
            // A long prompt is run over as it comes.
            if (_count == PrefixLayer.MostRows) Run();
            var some = Math.Min(PrefixLayer.MostRows - _count, rows.Length / width);
            rows[..(some * width)].CopyTo(_waiting.AsSpan(_count * width));
            rows = rows[(some * width)..];
            _count += some;
        }
    }

    /// <summary>Gives the layer's output for the last token that was taken.</summary>
    public void Read(Span<float> state)
    {
        if (_count > 0) Run();
        _output.CopyTo(state);
    }

    /// <summary>Frees keys and values.</summary>
    public void Dispose() => _cache.Dispose();

    private void Run()
    {
        // Positions beyond the longest sequence do not come; what a tree leaves over is cut before.
        if (_cache.Length + _count > maxTokens) Restart(_start + _cache.Length);
        layer.Run(_cache, _waiting.AsSpan(0, _count * width), _output);
        _count = 0;
    }

    private void Restart(int position)
    {
        _cache.Truncate(0);
        (_start, _count) = (position, 0);
    }

    private void GoBack(int position)
    {
        var kept = position - _start - _cache.Length;
        _count = Math.Max(kept, 0);
        if (kept < 0) _cache.Truncate(position - _start);
    }
}
