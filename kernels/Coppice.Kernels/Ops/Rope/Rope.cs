namespace Coppice.Kernels;

/// <summary>Which elements of a head turn together under RoPE.</summary>
public enum RopePairing
{
    /// <summary>Element i with i + rotaryDim / 2 (GPT-NeoX, Llama in Hugging Face layout).</summary>
    Half,
    /// <summary>Element 2i with 2i + 1 (GPT-J, the paper).</summary>
    Interleaved,
}

public abstract partial class Backend
{
    /// <summary>
    /// Turns each pair (a, b) of the first rotaryDim elements of every head by the angle of its position: (a cos - b sin, b cos + a sin).
    /// </summary>
    /// <param name="x">[tokens, heads, headDim], F32, changed in place; elements from rotaryDim on stay as they are.</param>
    /// <param name="positions">[tokens], I32, each below the tables' rows.</param>
    /// <param name="cosines">[positions, rotaryDim / 2], F32: cos(position · frequency i), times the attention factor where a scaling has
    /// one.</param>
    /// <param name="sines">As <paramref name="cosines"/>.</param>
    /// <param name="pairing">Which elements form a pair.</param>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong.</exception>
    /// <remarks>Source: Su et al., RoFormer, eq. 34.</remarks>
    public void Rope(Tensor x, Tensor positions, Tensor cosines, Tensor sines, RopePairing pairing)
    {
        using var running = Enter();
        const string op = "rope";
        Require.Activation(op, nameof(x), this, x);
        Require.That(x.Shape.Rank == 3, op, $"x must be [tokens, heads, headDim], got {x.Shape}");
        Require.Type(op, nameof(positions), positions, ElementType.I32);
        Require.Owner(op, nameof(positions), this, positions);
        Require.Shape(op, nameof(positions), positions, new Shape(x.Rows));
        Require.Activation(op, nameof(cosines), this, cosines);
        Require.Activation(op, nameof(sines), this, sines);
        Require.Shape(op, nameof(sines), sines, cosines.Shape);
        Require.That(2 * cosines.Last <= x.Last, op, $"the tables turn {2 * cosines.Last} elements but a head has {x.Last}");
        Profile?.Work(2 * Bytes(x) + Bytes(positions));
        if (x.Rows > 0) RopeCore(x, positions, cosines, sines, pairing);
    }

    /// <inheritdoc cref="Rope"/>
    protected abstract void RopeCore(Tensor x, Tensor positions, Tensor cosines, Tensor sines, RopePairing pairing);
}
