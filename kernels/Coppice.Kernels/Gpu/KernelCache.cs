using ILGPU;
using ILGPU.Runtime;

namespace Coppice.Kernels.Gpu;

/// <summary>
/// The compiled kernels of one device. A launch finds its kernel by the delegate of the closed method, and neither boxes nor
/// allocates.
/// </summary>
/// <remarks>
/// The C# compiler keeps one delegate for each static method that is passed as a method group, closed over its type arguments, so
/// the delegate itself is the key. Used by one thread at a time, as the back end that owns it.
/// </remarks>
internal sealed class KernelCache(KernelLoader loader, AcceleratorStream stream) : IDisposable
{
    private readonly Dictionary<Delegate, Delegate> _launchers = new(ReferenceEqualityComparer.Instance);

    internal void Launch<T1, T2>(KernelConfig config, Action<T1, T2> kernel, T1 a1, T2 a2) =>
        Find<Action<AcceleratorStream, KernelConfig, T1, T2>>(kernel)(stream, config, a1, a2);

    internal void Launch<T1, T2, T3>(KernelConfig config, Action<T1, T2, T3> kernel, T1 a1, T2 a2, T3 a3) =>
        Find<Action<AcceleratorStream, KernelConfig, T1, T2, T3>>(kernel)(stream, config, a1, a2, a3);

    internal void Launch<T1, T2, T3, T4>(KernelConfig config, Action<T1, T2, T3, T4> kernel, T1 a1, T2 a2, T3 a3, T4 a4) =>
        Find<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4>>(kernel)(stream, config, a1, a2, a3, a4);

    internal void Launch<T1, T2, T3, T4, T5>(KernelConfig config, Action<T1, T2, T3, T4, T5> kernel, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5) =>
        Find<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5>>(kernel)(stream, config, a1, a2, a3, a4, a5);

    internal void Launch<T1, T2, T3, T4, T5,
        T6>(KernelConfig config, Action<T1, T2, T3, T4, T5, T6> kernel, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6) =>
        Find<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6>>(kernel)(stream, config, a1, a2, a3, a4, a5, a6);

    internal void Launch<T1, T2, T3, T4, T5, T6,
        T7>(KernelConfig config, Action<T1, T2, T3, T4, T5, T6, T7> kernel, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7) =>
        Find<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7>>(kernel)(stream, config, a1, a2, a3, a4, a5, a6, a7);

    internal void Launch<T1, T2, T3, T4, T5, T6, T7,
        T8>(KernelConfig config, Action<T1, T2, T3, T4, T5, T6, T7, T8> kernel, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8) =>
        Find<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7,
            T8>>(kernel)(stream, config, a1, a2, a3, a4, a5, a6, a7, a8);

    internal void Launch<T1, T2, T3, T4, T5, T6, T7, T8,
        T9>(KernelConfig config, Action<T1, T2, T3, T4, T5, T6, T7, T8, T9> kernel, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8,
            T9 a9) =>
        Find<Action<AcceleratorStream, KernelConfig, T1, T2, T3, T4, T5, T6, T7, T8,
            T9>>(kernel)(stream, config, a1, a2, a3, a4, a5, a6, a7, a8, a9);

    /// <summary>Kernels launched so far; it may wrap round.</summary>
    internal int Launches { get; private set; }

    private TLauncher Find<TLauncher>(Delegate kernel) where TLauncher : Delegate
    {
        Launches++;     // every launch asks for its kernel
        if (_launchers.TryGetValue(kernel, out var known)) return (TLauncher)known;
        var launcher = loader.Load<TLauncher>(kernel.Method);
        _launchers.Add(kernel, launcher);
        return launcher;
    }

    public void Dispose() => loader.Dispose();
}
