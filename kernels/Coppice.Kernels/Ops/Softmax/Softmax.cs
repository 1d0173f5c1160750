namespace Coppice.Kernels;

public abstract partial class Backend
{
    /// <summary>y = exp(x - max(x)) / Σ exp(x - max(x)), row by row; -∞ gives 0, a row of nothing but -∞ gives zeros.</summary>
    /// <param name="x">[rows, width], F32.</param>
    /// <param name="y">As <paramref name="x"/>; may be <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong.</exception>
    public void Softmax(Tensor x, Tensor y)
    {
        using var running = Enter();
        const string op = "softmax";
        Require.Activation(op, nameof(x), this, x);
        Require.Activation(op, nameof(y), this, y);
        Require.Shape(op, nameof(x), x, new Shape(x.Rows, x.Last));
        Require.Shape(op, nameof(y), y, x.Shape);
        Profile?.Work(Bytes(x) + Bytes(y));
        if (x.Rows > 0) SoftmaxCore(x, y);
    }

    /// <inheritdoc cref="Softmax"/>
    protected abstract void SoftmaxCore(Tensor x, Tensor y);
}
