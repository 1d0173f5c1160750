namespace Coppice.Kernels;

/// <summary>
/// What the keys of a layer are worth: how much the squared error of each channel counts, and how many bits each head has.
/// </summary>
public sealed class KvKeyWeights
{
    private readonly float[] _weights;
    private readonly int[] _bits;

    /// <summary>Weights of channels and bits of heads.</summary>
    /// <param name="weights">[kvHeads · headDim], finite and not negative: usually the mean square of the queries' elements.</param>
    /// <param name="bits">
    /// [kvHeads]: bits of a token of each head, 1 to 8 times the head dimension; in all <see cref="KvCodec.KeyBits"/> for each channel.
    /// </param>
    /// <exception cref="ArgumentException">A weight is negative or not finite, or the counts do not fit each other.</exception>
    public KvKeyWeights(IReadOnlyList<float> weights, IReadOnlyList<int> bits)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(bits);
        (_weights, _bits) = ([.. weights], [.. bits]);
        Require.That(_bits.Length > 0 && _weights.Length % _bits.Length == 0, "kv_codec",
            $"there must be a weight for each channel of {_bits.Length} heads, got {_weights.Length}");
        Require.That(Array.TrueForAll(_weights, weight => weight >= 0 && float.IsFinite(weight)), "kv_codec",
            "weights must be finite and not negative");
        var dim = _weights.Length / _bits.Length;
        Require.That(Array.TrueForAll(_bits, count => count >= dim && count <= 8 * dim), "kv_codec",
            $"a head of {dim} channels must have {dim} to {8 * dim} bits");
    }

    /// <summary>Channels of all heads.</summary>
    internal int Channels => _weights.Length;
    /// <summary>KV heads.</summary>
    internal int Heads => _bits.Length;
    /// <summary>Bits of a token of all heads.</summary>
    internal int AllBits => _bits.Sum();

    /// <summary>Weights of a head's channels.</summary>
    internal ReadOnlySpan<float> Of(int head) => _weights.AsSpan(head * (Channels / Heads), Channels / Heads);
    /// <summary>Bits of a token of a head.</summary>
    internal int Bits(int head) => _bits[head];
}
