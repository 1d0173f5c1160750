namespace Coppice.Kernels;

public abstract partial class Backend
{
    /// <summary>
    /// Appending to caches and attention that are asked for until the result is disposed do not depend on each other: the device may keep
    /// them and run them at a time. They are done when it is disposed.
    /// </summary>
    /// <remarks>What they read and write must live until then. One scope at a time; the thread that runs a pass holds it.</remarks>
    internal IndependentOps Together()
    {
        using var running = Enter();
        if (Profile is not null) return default;        // each op is timed alone
        BeginTogether();
        return new IndependentOps(this);
    }

    /// <summary>From now on independent ops may be kept.</summary>
    protected virtual void BeginTogether() { }

    /// <summary>Runs what was kept.</summary>
    protected virtual void EndTogether() { }

    /// <summary>Ends a stretch of independent ops.</summary>
    internal readonly ref struct IndependentOps(Backend? backend)
    {
        /// <summary>Runs what was kept.</summary>
        public void Dispose()
        {
            if (backend is null) return;        // default: nothing was kept
            using var running = backend.Pause();
            backend.EndTogether();
        }
    }
}
