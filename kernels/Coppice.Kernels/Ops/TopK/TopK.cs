namespace Coppice.Kernels;

public abstract partial class Backend
{
    /// <summary>The k largest of every row, largest first; equal values by ascending index; NaN counts as -∞. k = 1 is arg-max.</summary>
    /// <param name="x">[rows, width], F32.</param>
    /// <param name="values">[rows, k], F32, 1 ≤ k ≤ width.</param>
    /// <param name="indices">[rows, k], I32.</param>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong.</exception>
    public void TopK(Tensor x, Tensor values, Tensor indices)
    {
        using var running = Enter();
        const string op = "top_k";
        Require.Activation(op, nameof(x), this, x);
        Require.Shape(op, nameof(x), x, new Shape(x.Rows, x.Last));
        RequireLargest(op, x, values, indices);
        Profile?.Work(Bytes(x) + Bytes(values) + Bytes(indices), launches: LaunchPlan.TopK(x.Last, values.Last));
        if (x.Rows > 0) TopKCore(x, values, indices);
    }

    private void RequireLargest(string op, in Tensor x, in Tensor values, in Tensor indices)
    {
        Require.Activation(op, nameof(values), this, values);
        Require.Type(op, nameof(indices), indices, ElementType.I32);
        Require.Owner(op, nameof(indices), this, indices);
        Require.Shape(op, nameof(values), values, new Shape(x.Rows, values.Last));
        Require.Shape(op, nameof(indices), indices, values.Shape);
        Require.That(values.Last >= 1 && values.Last <= x.Last, op, $"k must be 1..{x.Last}, got {values.Last}");
    }

    /// <inheritdoc cref="TopK"/>
    protected abstract void TopKCore(Tensor x, Tensor values, Tensor indices);
}
