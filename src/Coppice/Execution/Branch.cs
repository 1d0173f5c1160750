using Coppice.Cache;
using Coppice.Models;

namespace Coppice.Execution;

/// <summary>
/// A continuation of a prompt that takes part in passes: its rows, and the cache that holds keys and values of all but the last few.
/// </summary>
/// <remarks>Rows are kept as tokens and mixtures, so that a cache that was given up can be computed anew.</remarks>
internal sealed class Branch
{
    private int[] _tokens;
    private TokenMixture?[] _mixtures;

    private Branch(int[] tokens, TokenMixture?[] mixtures, int count) => (_tokens, _mixtures, Count) = (tokens, mixtures, count);

    /// <summary>A branch of <paramref name="prompt"/>.</summary>
    public Branch(ReadOnlySpan<int> prompt) : this(prompt.ToArray(), new TokenMixture?[prompt.Length], prompt.Length) { }

    /// <summary>Keys and values; null where they were given up.</summary>
    public KvCache? Cache { get; set; }
    /// <summary>Rows, those of the prompt among them.</summary>
    public int Count { get; private set; }
    /// <summary>Its part of a pass.</summary>
    public PassRequest Request { get; } = new();
    /// <summary>Rows whose keys and values are missing.</summary>
    public int Pending => Count - (Cache?.Length ?? 0);

    /// <summary>Appends a row.</summary>
    public void Append(int token, TokenMixture? mixture)
    {
        if (Count == _tokens.Length)
        {
            Array.Resize(ref _tokens, 2 * Count + 16);
            Array.Resize(ref _mixtures, 2 * Count + 16);
        }
        (_tokens[Count], _mixtures[Count]) = (token, mixture);
        Count++;
    }

    /// <summary>Forgets the last rows.</summary>
    public void Drop(int rows)
    {
        Count -= rows;
        if (Cache?.Length > Count) Cache.Truncate(Count);
    }

    /// <summary>The same rows, without a cache.</summary>
    public Branch Copy() => new(_tokens[..Count], _mixtures[..Count], Count);

    /// <summary>Asks for the next <paramref name="rows"/> rows, the last <paramref name="nodes"/> of which need logits.</summary>
    public void Plan(int rows, int nodes, bool beyond)
    {
        var start = Cache!.Length;
        Request.Stretch(Cache, _tokens.AsMemory(start, rows), nodes, beyond, _mixtures.AsMemory(start, rows));
    }
}
