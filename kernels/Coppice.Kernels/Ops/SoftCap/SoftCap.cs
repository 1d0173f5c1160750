namespace Coppice.Kernels;

public abstract partial class Backend
{
    /// <summary>y = cap · tanh(scale · x / cap), or scale · x where <paramref name="cap"/> is 0: the last step of logits.</summary>
    /// <param name="x">[tokens, width], F32.</param>
    /// <param name="scale">Logit scale; 1 for most families.</param>
    /// <param name="cap">Soft cap, or 0 for none.</param>
    /// <param name="y">As <paramref name="x"/>; may be <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong.</exception>
    /// <remarks>Source: Gemma 2 report, section 2 (logit soft-capping).</remarks>
    public void SoftCap(Tensor x, float scale, float cap, Tensor y)
    {
        using var running = Enter();
        const string op = "soft_cap";
        Require.Activation(op, nameof(x), this, x);
        Require.Activation(op, nameof(y), this, y);
        Require.Shape(op, nameof(y), y, x.Shape);
        Require.That(cap >= 0, op, $"cap must not be negative, got {cap}");
        Profile?.Work(Bytes(x) + Bytes(y));
        if (x.Rows > 0) SoftCapCore(x, scale, cap, y);
    }

    /// <inheritdoc cref="SoftCap"/>
    protected abstract void SoftCapCore(Tensor x, float scale, float cap, Tensor y);
}
