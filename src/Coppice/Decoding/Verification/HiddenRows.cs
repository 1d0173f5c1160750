namespace Coppice.Decoding.Verification;

/// <summary>Hidden states of tokens that follow one another in a sequence; valid during the call that gets them.</summary>
/// <param name="layers">Which states: see <see cref="Models.HiddenLayer"/>.</param>
/// <param name="states">[layers, count, hidden].</param>
/// <param name="first">Position of the first token.</param>
/// <param name="count">Tokens.</param>
internal readonly ref struct HiddenRows(ReadOnlySpan<int> layers, ReadOnlySpan<float> states, int first, int count)
{
    private readonly ReadOnlySpan<int> _layers = layers;
    private readonly ReadOnlySpan<float> _states = states;

    /// <summary>Position of the first token in the sequence, from 0 on.</summary>
    public int First { get; } = first;
    /// <summary>Tokens; 0 where no states were asked for.</summary>
    public int Count { get; } = count;

    /// <summary>[count, hidden]: the states after <paramref name="layer"/>.</summary>
    /// <exception cref="ArgumentException">They were not asked for.</exception>
    public ReadOnlySpan<float> After(int layer)
    {
        var place = _layers.IndexOf(layer);
        if (place < 0)
            throw new ArgumentException($"hidden states: layer must be one of {string.Join(", ", _layers.ToArray())}, got {layer}.");
        var length = _states.Length / _layers.Length;
        return _states.Slice(place * length, length);
    }
}
