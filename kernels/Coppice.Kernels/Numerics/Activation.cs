using Coppice.Kernels.Simd;

namespace Coppice.Kernels.Numerics;

/// <summary>The element-wise functions that families use between their projections.</summary>
public enum Activation
{
    /// <summary>x / (1 + e^-x).</summary>
    Silu,
    /// <summary>x Φ(x), Φ the normal distribution function, by erf.</summary>
    Gelu,
    /// <summary>x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2.</summary>
    GeluTanh,
    /// <summary>x / (1 + e^(-1.702 x)).</summary>
    GeluQuick,
    /// <summary>max(x, 0).</summary>
    Relu,
    /// <summary>max(x, 0)².</summary>
    ReluSquared,
}

/// <summary>One activation as a type, so that kernels are specialised for it.</summary>
internal interface IActivation
{
    /// <summary>f(x).</summary>
    static abstract float Invoke(float x);
    /// <summary>f of every lane.</summary>
    static abstract TLanes Invoke<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>;
}

/// <summary>Something to run with the type of an activation.</summary>
internal interface IActivationCall
{
    void Run<TActivation>() where TActivation : struct, IActivation;
}

/// <summary>From the name of an activation to its type: the one place that knows both.</summary>
internal static class ActivationDispatch
{
    internal static void Dispatch<TCall>(this Activation activation, TCall call) where TCall : struct, IActivationCall
    {
        switch (activation)
        {
            case Activation.Silu: call.Run<Silu>(); break;
            case Activation.Gelu: call.Run<Gelu>(); break;
            case Activation.GeluTanh: call.Run<GeluTanh>(); break;
            case Activation.GeluQuick: call.Run<GeluQuick>(); break;
            case Activation.Relu: call.Run<Relu>(); break;
            case Activation.ReluSquared: call.Run<ReluSquared>(); break;
            default: throw new ArgumentOutOfRangeException(nameof(activation), $"activation: {activation} is not known.");
        }
    }
}
