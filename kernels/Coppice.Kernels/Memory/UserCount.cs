namespace Coppice.Kernels.Memory;

/// <summary>
/// Counts the users of something that is freed when the last of them lets go. The default value has one user: whoever made it. Thread-safe.
/// </summary>
internal struct UserCount
{
    private int _others;        // users but one; -1 when there are none any more

    /// <summary>Adds a user, unless the last has let go already.</summary>
    internal bool TryAdd()
    {
        while (true)
        {
            var others = Volatile.Read(ref _others);
            if (others < 0) return false;
            if (Interlocked.CompareExchange(ref _others, others + 1, others) == others) return true;
        }
    }

    /// <summary>Takes a user away; each lets go once.</summary>
    /// <returns>Whether it was the last.</returns>
    internal bool Release() => Interlocked.Decrement(ref _others) < 0;
}
