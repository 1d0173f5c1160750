namespace Coppice.Cache;

/// <summary>Holds pages that nobody uses now, and gives them up when a sequence needs them.</summary>
internal interface IPageHolder
{
    /// <summary>Pages that <see cref="GiveUp"/> could return now.</summary>
    int EvictablePages { get; }

    /// <summary>
    /// Returns at least <paramref name="pages"/> pages to the pool, or, where it cannot return them, only those that nobody can use any
    /// more.
    /// </summary>
    /// <remarks>Called by <see cref="KvPagePool.Take"/> on the thread that needs them, while no lock of the pool is held.</remarks>
    /// <returns>Pages that became free.</returns>
    int GiveUp(int pages);
}
