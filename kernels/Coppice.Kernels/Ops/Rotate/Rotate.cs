namespace Coppice.Kernels;

public abstract partial class Backend
{
    /// <summary>
    /// x = H x / √n in place, for every run of n elements of every head, where H is the Hadamard matrix of n, the largest power of two that
    /// divides the head dimension: H[i, j] = -1 if i and j have an odd number of bits in common, else 1.
    /// </summary>
    /// <param name="x">[rows, heads, headDim], F32.</param>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong.</exception>
    /// <remarks>
    /// Its own inverse, and orthogonal: scores of rotated queries and keys are those of the queries and keys. It spreads what one channel
    /// holds over all, so that codes of a token need no wide range. Order: sums and differences of neighbours at distance 1, 2, 4, …, then
    /// one product.
    /// </remarks>
    public void Rotate(Tensor x)
    {
        using var running = Enter();
        Require.Activation("rotate", nameof(x), this, x);
        Require.That(x.Shape.Rank == 3, "rotate", $"x must be [rows, heads, headDim], got {x.Shape}");
        Profile?.Work(2 * Bytes(x), launches: null);
        if (x.Rows > 0) RotateCore(x);
    }

    /// <inheritdoc cref="Rotate"/>
    protected abstract void RotateCore(Tensor x);
}
