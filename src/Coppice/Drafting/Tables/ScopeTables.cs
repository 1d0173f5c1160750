namespace Coppice.Drafting;

/// <summary>Tables that the drafters of one model share within one <see cref="CacheScope"/>, created when a drafter first asks.</summary>
/// <remarks>Thread-safe; what synchronises the use of a table is the table's own matter. Holds at most <see cref="MostTables"/>.</remarks>
internal sealed class ScopeTables
{
    /// <summary>Tables that are kept; a drafter that asks for one more gets one of its own.</summary>
    public const int MostTables = 32;

    private readonly Dictionary<(Type Type, object? Key), object> _tables = [];

    /// <summary>Number of tables.</summary>
    public int Count
    {
        get
        {
            lock (_tables) return _tables.Count;
        }
    }

    /// <summary>Returns the table of type <typeparamref name="T"/> for <paramref name="key"/>.</summary>
    /// <param name="key">The settings that the table depends on; null where there are none.</param>
    /// <param name="create">Creates it where there is none yet.</param>
    public T Get<T>(object? key, Func<T> create) where T : class
    {
        lock (_tables)
        {
            if (_tables.TryGetValue((typeof(T), key), out var known)) return (T)known;
            var table = create();
            if (_tables.Count < MostTables) _tables.Add((typeof(T), key), table);
            return table;
        }
    }

    /// <summary>Drops all tables; drafters that use one keep it.</summary>
    public void Clear()
    {
        lock (_tables) _tables.Clear();
    }
}
