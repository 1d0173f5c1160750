using Coppice.Kernels;
using Xunit;

namespace Coppice.Tests.Disturbances;

/// <summary>A CPU back end of one thread on which something happens in the midst of its n-th step.</summary>
internal sealed class WatchedDevice
{
    private readonly Lock _gate = new();
    private DeviceStep? _step;
    private int _left;
    private bool _lasts;
    private Action? _disturb;

    /// <summary>A device that nothing disturbs.</summary>
    public WatchedDevice() => Backend.Watcher = Count;

    /// <summary>The back end; whoever loads a model onto it hands it over.</summary>
    public Backend Backend { get; } = SimdBackend.Create(1);

    /// <summary>Steps that were disturbed since <see cref="At"/>.</summary>
    public int Disturbed { get; private set; }

    /// <summary>Calls <paramref name="disturb"/> at the n-th step from now on, and, where it lasts, at every one after it.</summary>
    /// <param name="step">Which steps count; null for all.</param>
    /// <param name="n">From 1 on.</param>
    /// <param name="lasts">Whether it happens at all later ones too, until <see cref="Calm"/>.</param>
    /// <param name="disturb">On the thread of the step; what it throws, the step throws.</param>
    public void At(DeviceStep? step, int n, bool lasts, Action disturb)
    {
        lock (_gate) (_step, _left, _lasts, _disturb, Disturbed) = (step, n, lasts, disturb, 0);
    }

    /// <summary>Nothing happens any more.</summary>
    public void Calm()
    {
        lock (_gate) _disturb = null;
    }

    /// <summary>The back end was disposed, and so was whatever used it: no byte is held, and none was found by a finalizer.</summary>
    public void CheckEverythingIsFreed()
    {
        var memory = Backend.Memory;
        Assert.Equal((0L, 0L, 0L, 0L), (memory.BytesInUse, memory.SlabBytes, memory.ForgottenBuffers, memory.ForgottenPools));
    }

    /// <summary>
    /// Runs <paramref name="work"/> on another thread, until it waits for this one, which is in the midst of a step, or has ended.
    /// </summary>
    public static Thread RunWhileStepWaits(Action work)
    {
        var thread = new Thread(() => work()) { IsBackground = true };
        thread.Start();
        while (thread.IsAlive && !thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin)) Thread.Yield();
        return thread;
    }

    private void Count(DeviceStep step)
    {
        Action disturb;
        lock (_gate)
        {
            if (_disturb is null || (_step is { } counted && step != counted)) return;
            if (--_left > 0 || (_left < 0 && !_lasts)) return;
            Disturbed++;
            disturb = _disturb;
        }
        disturb();
    }
}
