namespace Coppice.Kernels;

public abstract partial class Backend
{
    /// <summary>
    /// y = x Wᵀ + bias: y[m, n] = Σ_k x[m, k] W[n, k] in one order for every number of rows (on the CPU one chain of fused multiply-adds
    /// over k ascending from 0), then the bias.
    /// </summary>
    /// <param name="x">[tokens, inputs], F32.</param>
    /// <param name="weight">W [outputs, inputs].</param>
    /// <param name="bias">[outputs], F32, or empty.</param>
    /// <param name="y">[tokens, outputs], F32; must not overlap <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong.</exception>
    /// <remarks>2 · tokens · inputs · outputs flops; reads the weights once for up to a register tile of rows.</remarks>
    public void MatMul(Tensor x, WeightMatrix weight, Tensor bias, Tensor y)
    {
        using var running = Enter();
        RequireProduct("matmul", x, weight, bias, y);
        Profile?.Work(ProductBytes(x, weight, bias, y), ProductFlops(x, weight), ProductShape(weight), ProductLaunches(weight));
        if (x.Rows > 0) MatMulCore(x, weight, bias, y);
    }

    private void RequireProduct(string op, in Tensor x, WeightMatrix weight, in Tensor bias, in Tensor y)
    {
        Require.Owner(op, nameof(weight), this, weight);
        Require.Activation(op, nameof(x), this, x);
        Require.Activation(op, nameof(y), this, y);
        Require.Shape(op, nameof(x), x, new Shape(x.Rows, weight.Inputs));
        Require.Shape(op, nameof(y), y, new Shape(x.Rows, weight.Outputs));
        if (!bias.IsEmpty)
        {
            Require.Activation(op, nameof(bias), this, bias);
            Require.Shape(op, nameof(bias), bias, new Shape(weight.Outputs));
        }
    }

    private static long ProductBytes(in Tensor x, WeightMatrix weight, in Tensor bias, in Tensor y) =>
        weight.Bytes + Bytes(x) + Bytes(bias) + Bytes(y);

    private static long ProductFlops(in Tensor x, WeightMatrix weight) => 2L * x.Rows * weight.Inputs * weight.Outputs;

    private static string ProductShape(WeightMatrix weight) => $"{weight.Inputs} to {weight.Outputs}, {weight.Format}";

    /// <summary>Activations are rounded to bytes by a kernel of their own.</summary>
    private static int ProductLaunches(WeightMatrix weight) => weight.Activations == ActivationFormat.Int8 ? 2 : 1;

    /// <inheritdoc cref="MatMul"/>
    protected abstract void MatMulCore(Tensor x, WeightMatrix weight, Tensor bias, Tensor y);
}
