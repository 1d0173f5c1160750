namespace Coppice.Kernels;

public abstract partial class Backend
{
    /// <summary>y = weight · x / √(mean(x²) + ε), over the last axis.</summary>
    /// <param name="x">[tokens, hidden] or [tokens, heads, headDim], F32.</param>
    /// <param name="weight">[hidden] or [headDim], F32.</param>
    /// <param name="epsilon">ε, at least 0.</param>
    /// <param name="y">As <paramref name="x"/>; may be <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong.</exception>
    /// <remarks>Source: Zhang and Sennrich, Root Mean Square Layer Normalization, eq. 4.</remarks>
    public void RmsNorm(Tensor x, Tensor weight, float epsilon, Tensor y)
    {
        using var running = Enter();
        const string op = "rms_norm";
        Require.Activation(op, nameof(x), this, x);
        Require.Activation(op, nameof(weight), this, weight);
        Require.Activation(op, nameof(y), this, y);
        Require.Shape(op, nameof(weight), weight, new Shape(x.Last));
        Require.Shape(op, nameof(y), y, x.Shape);
        Profile?.Work(Bytes(x) + Bytes(weight) + Bytes(y));
        if (x.Rows > 0) RmsNormCore(x, weight, epsilon, y);
    }

    /// <summary>x += scale · delta, then y = RmsNorm(x): the residual add and the norm after it in one pass over memory.</summary>
    /// <remarks>Equal, bit for bit, to <see cref="Add"/> followed by <see cref="RmsNorm"/>.</remarks>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong.</exception>
    public void AddRmsNorm(Tensor x, Tensor delta, float scale, Tensor weight, float epsilon, Tensor y)
    {
        using var running = Enter();
        const string op = "add_rms_norm";
        Require.Activation(op, nameof(x), this, x);
        Require.Activation(op, nameof(delta), this, delta);
        Require.Activation(op, nameof(weight), this, weight);
        Require.Activation(op, nameof(y), this, y);
        Require.Shape(op, nameof(delta), delta, x.Shape);
        Require.Shape(op, nameof(weight), weight, new Shape(x.Last));
        Require.Shape(op, nameof(y), y, x.Shape);
        Profile?.Work(2 * Bytes(x) + Bytes(delta) + Bytes(weight) + Bytes(y));
        if (x.Rows > 0) AddRmsNormCore(x, delta, scale, weight, epsilon, y);
    }

    /// <inheritdoc cref="RmsNorm"/>
    protected abstract void RmsNormCore(Tensor x, Tensor weight, float epsilon, Tensor y);

    /// <inheritdoc cref="AddRmsNorm"/>
    protected virtual void AddRmsNormCore(Tensor x, Tensor delta, float scale, Tensor weight, float epsilon, Tensor y)
    {
        AddCore(x, delta, scale, x);
        RmsNormCore(x, weight, epsilon, y);
    }
}
