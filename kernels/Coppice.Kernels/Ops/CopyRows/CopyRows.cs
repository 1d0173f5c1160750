namespace Coppice.Kernels;

public abstract partial class Backend
{
    /// <summary>y[i] = x[rows[i]]: gathers rows, for the few positions whose logits are wanted.</summary>
    /// <param name="x">[tokens, width], F32.</param>
    /// <param name="rows">[count], I32, each in 0 … tokens - 1; the caller has checked them.</param>
    /// <param name="y">[count, width], F32; must not overlap <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong.</exception>
    public void CopyRows(Tensor x, Tensor rows, Tensor y)
    {
        using var running = Enter();
        const string op = "copy_rows";
        Require.Activation(op, nameof(x), this, x);
        Require.Type(op, nameof(rows), rows, ElementType.I32);
        Require.Owner(op, nameof(rows), this, rows);
        Require.Activation(op, nameof(y), this, y);
        Require.Shape(op, nameof(y), y, x.Shape.WithFirst(rows.Rows));
        Profile?.Work(Bytes(rows) + 2 * Bytes(y));
        if (rows.Rows > 0) CopyRowsCore(x, rows, y);
    }

    /// <inheritdoc cref="CopyRows"/>
    protected abstract void CopyRowsCore(Tensor x, Tensor rows, Tensor y);
}
