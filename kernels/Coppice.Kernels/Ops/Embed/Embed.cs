namespace Coppice.Kernels;

public abstract partial class Backend
{
    /// <summary>y[t] = scale · W[ids[t]]: one row of the table for each token.</summary>
    /// <param name="ids">[tokens], I32, each in 0 … table.Outputs - 1; the caller has checked them.</param>
    /// <param name="table">W [vocabulary, hidden]; the tied head may be the same matrix.</param>
    /// <param name="scale">Embedding scale; 1 for most families, √hidden for Gemma.</param>
    /// <param name="y">[tokens, hidden], F32.</param>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong.</exception>
    public void Embed(Tensor ids, WeightMatrix table, float scale, Tensor y)
    {
        using var running = Enter();
        const string op = "embed";
        Require.Owner(op, nameof(table), this, table);
        Require.Type(op, nameof(ids), ids, ElementType.I32);
        Require.Owner(op, nameof(ids), this, ids);
        Require.Activation(op, nameof(y), this, y);
        Require.Shape(op, nameof(y), y, new Shape(ids.Rows, table.Inputs));
        Profile?.Work(Bytes(ids) + table.Bytes / table.Outputs * ids.Rows + Bytes(y), shape: $"{table.Format}");
        if (ids.Rows > 0) EmbedCore(ids, table, scale, y);
    }

    /// <inheritdoc cref="Embed"/>
    protected abstract void EmbedCore(Tensor ids, WeightMatrix table, float scale, Tensor y);
}
