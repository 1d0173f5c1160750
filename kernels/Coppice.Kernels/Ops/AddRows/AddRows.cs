namespace Coppice.Kernels;

public abstract partial class Backend
{
    /// <summary>y[rows[i]] += scales[i] · x[i]: adds an expert's outputs to the tokens that chose it.</summary>
    /// <param name="x">[count, width], F32.</param>
    /// <param name="rows">[count], I32, distinct, each in 0 … tokens - 1; the caller has checked them.</param>
    /// <param name="scales">[count], F32.</param>
    /// <param name="y">[tokens, width], F32; must not overlap <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong.</exception>
    public void AddRows(Tensor x, Tensor rows, Tensor scales, Tensor y)
    {
        using var running = Enter();
        const string op = "add_rows";
        Require.Activation(op, nameof(x), this, x);
        Require.Type(op, nameof(rows), rows, ElementType.I32);
        Require.Owner(op, nameof(rows), this, rows);
        Require.Shape(op, nameof(rows), rows, new Shape(x.Rows));
        Require.Activation(op, nameof(scales), this, scales);
        Require.Shape(op, nameof(scales), scales, new Shape(x.Rows));
        Require.Activation(op, nameof(y), this, y);
        Require.Shape(op, nameof(y), y, x.Shape.WithFirst(y.Rows));
        Profile?.Work(3 * Bytes(x) + Bytes(rows) + Bytes(scales));
        if (x.Rows > 0) AddRowsCore(x, rows, scales, y);
    }

    /// <inheritdoc cref="AddRows"/>
    protected abstract void AddRowsCore(Tensor x, Tensor rows, Tensor scales, Tensor y);
}
