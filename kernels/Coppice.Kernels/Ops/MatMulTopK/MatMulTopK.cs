namespace Coppice.Kernels;

public abstract partial class Backend
{
    /// <summary>y = x Wᵀ + bias as <see cref="MatMul"/>, bit for bit, and the k largest of every row of y as <see cref="TopK"/>.</summary>
    /// <param name="x">[tokens, inputs], F32.</param>
    /// <param name="weight">W [outputs, inputs].</param>
    /// <param name="bias">[outputs], F32, or empty.</param>
    /// <param name="y">[tokens, outputs], F32; must not overlap <paramref name="x"/>.</param>
    /// <param name="values">[tokens, k], F32, 1 ≤ k ≤ outputs: largest first, NaN as -∞.</param>
    /// <param name="indices">[tokens, k], I32; of equal values the lower index comes first.</param>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong.</exception>
    /// <remarks>
    /// Value descending, then index ascending, is a total order: the result does not depend on how the outputs are shared out.
    /// </remarks>
    public void MatMulTopK(Tensor x, WeightMatrix weight, Tensor bias, Tensor y, Tensor values, Tensor indices)
    {
        using var running = Enter();
        const string op = "matmul_top_k";
        RequireProduct(op, x, weight, bias, y);
        RequireLargest(op, y, values, indices);
        Profile?.Work(ProductBytes(x, weight, bias, y) + Bytes(values) + Bytes(indices), ProductFlops(x, weight), ProductShape(weight),
            ProductLaunches(weight) + LaunchPlan.TopK(y.Last, values.Last));
        if (x.Rows > 0) MatMulTopKCore(x, weight, bias, y, values, indices);
    }

    /// <inheritdoc cref="MatMulTopK"/>
    protected abstract void MatMulTopKCore(Tensor x, WeightMatrix weight, Tensor bias, Tensor y, Tensor values, Tensor indices);
}
