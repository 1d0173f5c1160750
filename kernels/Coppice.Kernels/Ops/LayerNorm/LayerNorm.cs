namespace Coppice.Kernels;

public abstract partial class Backend
{
    /// <summary>y = weight · (x - mean(x)) / √(var(x) + ε) + bias, over the last axis; var is the mean squared deviation.</summary>
    /// <param name="x">[tokens, hidden] or [tokens, heads, headDim], F32.</param>
    /// <param name="weight">[hidden] or [headDim], F32.</param>
    /// <param name="bias">As <paramref name="weight"/>, or empty.</param>
    /// <param name="epsilon">ε, at least 0.</param>
    /// <param name="y">As <paramref name="x"/>; may be <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong.</exception>
    /// <remarks>Source: Ba, Kiros and Hinton, Layer Normalization, eq. 4.</remarks>
    public void LayerNorm(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y)
    {
        using var running = Enter();
        const string op = "layer_norm";
        Require.Activation(op, nameof(x), this, x);
        Require.Activation(op, nameof(weight), this, weight);
        Require.Activation(op, nameof(y), this, y);
        Require.Shape(op, nameof(weight), weight, new Shape(x.Last));
        Require.Shape(op, nameof(y), y, x.Shape);
        if (!bias.IsEmpty)
        {
            Require.Activation(op, nameof(bias), this, bias);
            Require.Shape(op, nameof(bias), bias, new Shape(x.Last));
        }
        Profile?.Work(Bytes(x) + Bytes(weight) + Bytes(bias) + Bytes(y));
        if (x.Rows > 0) LayerNormCore(x, weight, bias, epsilon, y);
    }

    /// <inheritdoc cref="LayerNorm"/>
    protected abstract void LayerNormCore(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y);
}
