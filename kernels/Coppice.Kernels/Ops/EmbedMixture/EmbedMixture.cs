namespace Coppice.Kernels;

public abstract partial class Backend
{
    /// <summary>
    /// y[rows[i]] = scale · Σ_j weights[i, j] · W[ids[i, j]]: the superposed embedding of several tokens; other rows stay.
    /// </summary>
    /// <remarks>
    /// Terms are added in the order of j with one rounding each, in F32, and the scale multiplies last, so one term of weight 1 gives the
    /// bits of <see cref="Embed"/>. A weight of 0 ends a row's terms: it and what follows is not read. Cost: terms · hidden reads of W.
    /// Source: Superposed Decoding (Shen et al. 2024), section 3.2, as a gather instead of a product with the whole table.
    /// </remarks>
    /// <param name="ids">[count, terms], I32, those with a weight in 0 … table.Outputs - 1; the caller has checked them.</param>
    /// <param name="weights">[count, terms], F32; the first of each row is not 0.</param>
    /// <param name="rows">[count], I32, distinct, each in 0 … tokens - 1; the caller has checked them.</param>
    /// <param name="table">W [vocabulary, hidden].</param>
    /// <param name="scale">Embedding scale, as for <see cref="Embed"/>.</param>
    /// <param name="y">[tokens, hidden], F32.</param>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong.</exception>
    public void EmbedMixture(Tensor ids, Tensor weights, Tensor rows, WeightMatrix table, float scale, Tensor y)
    {
        using var running = Enter();
        const string op = "embed_mixture";
        Require.Owner(op, nameof(table), this, table);
        Require.Type(op, nameof(ids), ids, ElementType.I32);
        Require.Owner(op, nameof(ids), this, ids);
        Require.Activation(op, nameof(weights), this, weights);
        Require.Shape(op, nameof(weights), weights, ids.Shape);
        Require.Type(op, nameof(rows), rows, ElementType.I32);
        Require.Owner(op, nameof(rows), this, rows);
        Require.Shape(op, nameof(rows), rows, new Shape(ids.Rows));
        Require.Activation(op, nameof(y), this, y);
        Require.Shape(op, nameof(y), y, new Shape(y.Rows, table.Inputs));
        Profile?.Work(Bytes(ids) + Bytes(weights) + table.Bytes / table.Outputs * ids.Shape.RowLength * ids.Rows
            + (long)ids.Rows * y.Shape.RowLength * sizeof(float), shape: $"of {ids.Last}, {table.Format}");
        if (ids.Rows > 0) EmbedMixtureCore(ids, weights, rows, table, scale, y);
    }

    /// <inheritdoc cref="EmbedMixture"/>
    protected abstract void EmbedMixtureCore(Tensor ids, Tensor weights, Tensor rows, WeightMatrix table, float scale, Tensor y);
}
