namespace Coppice.Kernels;

public abstract partial class Backend
{
    /// <summary>y = x + scale · delta.</summary>
    /// <param name="x">[tokens, hidden], F32.</param>
    /// <param name="delta">As <paramref name="x"/>.</param>
    /// <param name="scale">Residual scale; 1 for most families.</param>
    /// <param name="y">As <paramref name="x"/>; may be <paramref name="x"/> or <paramref name="delta"/>.</param>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong.</exception>
    public void Add(Tensor x, Tensor delta, float scale, Tensor y)
    {
        using var running = Enter();
        const string op = "add";
        Require.Activation(op, nameof(x), this, x);
        Require.Activation(op, nameof(delta), this, delta);
        Require.Activation(op, nameof(y), this, y);
        Require.Shape(op, nameof(delta), delta, x.Shape);
        Require.Shape(op, nameof(y), y, x.Shape);
        Profile?.Work(Bytes(x) + Bytes(delta) + Bytes(y));
        if (x.Rows > 0) AddCore(x, delta, scale, y);
    }

    /// <inheritdoc cref="Add"/>
    protected abstract void AddCore(Tensor x, Tensor delta, float scale, Tensor y);
}
