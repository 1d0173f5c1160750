using Coppice.Kernels.Numerics;

namespace Coppice.Kernels;

public abstract partial class Backend
{
    /// <summary>y = f(gate) · up, element by element.</summary>
    /// <param name="gate">[tokens, width], F32.</param>
    /// <param name="up">As <paramref name="gate"/>.</param>
    /// <param name="activation">f.</param>
    /// <param name="y">As <paramref name="gate"/>; may be <paramref name="gate"/> or <paramref name="up"/>.</param>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong.</exception>
    /// <remarks>Source: Shazeer, GLU Variants Improve Transformer, eq. 5.</remarks>
    public void GatedActivation(Tensor gate, Tensor up, Activation activation, Tensor y)
    {
        using var running = Enter();
        const string op = "gated_activation";
        Require.Activation(op, nameof(gate), this, gate);
        Require.Activation(op, nameof(up), this, up);
        Require.Activation(op, nameof(y), this, y);
        Require.Shape(op, nameof(up), up, gate.Shape);
        Require.Shape(op, nameof(y), y, gate.Shape);
        Profile?.Work(Bytes(gate) + Bytes(up) + Bytes(y));
        if (gate.Rows > 0) activation.Dispatch(new GatedActivationCall(this, gate, up, y));
    }

    /// <inheritdoc cref="GatedActivation"/>
    private protected abstract void GatedActivationCore<TActivation>(Tensor gate, Tensor up, Tensor y)
        where TActivation : struct, IActivation;

    private readonly struct GatedActivationCall(Backend backend, Tensor gate, Tensor up, Tensor y) : IActivationCall
    {
        public void Run<TActivation>() where TActivation : struct, IActivation => backend.GatedActivationCore<TActivation>(gate, up, y);
    }
}
