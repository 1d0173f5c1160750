using Coppice.Kernels.Numerics;

namespace Coppice.Kernels;

public abstract partial class Backend
{
    /// <summary>y = f(x), element by element.</summary>
    /// <param name="x">[tokens, width], F32.</param>
    /// <param name="activation">f.</param>
    /// <param name="y">As <paramref name="x"/>; may be <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">A shape, type or owner is wrong.</exception>
    public void Map(Tensor x, Activation activation, Tensor y)
    {
        using var running = Enter();
        const string op = "map";
        Require.Activation(op, nameof(x), this, x);
        Require.Activation(op, nameof(y), this, y);
        Require.Shape(op, nameof(y), y, x.Shape);
        Profile?.Work(Bytes(x) + Bytes(y));
        if (x.Rows > 0) activation.Dispatch(new MapCall(this, x, y));
    }

    /// <inheritdoc cref="Map"/>
    private protected abstract void MapCore<TActivation>(Tensor x, Tensor y) where TActivation : struct, IActivation;

    private readonly struct MapCall(Backend backend, Tensor x, Tensor y) : IActivationCall
    {
        public void Run<TActivation>() where TActivation : struct, IActivation => backend.MapCore<TActivation>(x, y);
    }
}
