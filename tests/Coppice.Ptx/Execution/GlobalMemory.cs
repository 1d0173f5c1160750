namespace Coppice.Ptx.Execution;

/// <summary>A stretch of memory that kernels may touch.</summary>
internal sealed unsafe class Region(long address, long bytes, long origin)
{
    private Cell[]? _cells;

    public long Address => address;
    public long End => address + bytes;
    /// <summary>See <see cref="Stretch.Origin"/>.</summary>
    public long Origin => origin;

    /// <summary>Who touched each pair of bytes last; made when first asked for.</summary>
    public Cell[] Cells => _cells ??= new Cell[(bytes + 1) / 2];

    public static byte* Pointer(long at) => (byte*)at;
}

/// <summary>Who accesses memory, and when.</summary>
/// <param name="Launch">Number of the launch.</param>
/// <param name="Block">Number of the block in it.</param>
/// <param name="Warp">Number of the warp in the block.</param>
/// <param name="Lane">Lane of the warp.</param>
/// <param name="Interval">Barriers of the block so far.</param>
/// <param name="WarpInterval">Barriers of the warp so far.</param>
internal readonly record struct Accessor(int Launch, int Block, int Warp, int Lane, int Interval, int WarpInterval)
{
    /// <summary>Whether nothing orders this access and the other, and they are of different threads.</summary>
    public bool Races(in Accessor other)
    {
        if (other.Launch != Launch) return false;
        if (other.Block != Block) return true;
        if (other.Interval != Interval) return false;
        if (other.Warp != Warp) return true;
        return other.Lane != Lane && other.WarpInterval == WarpInterval;
    }
}

/// <summary>Who wrote two bytes of global memory last, and who read them: the last reader, or several as one.</summary>
internal struct Cell
{
    /// <summary>Instead of a warp or a lane where there are several.</summary>
    private const int Several = -1;

    private Accessor _writer, _reader;

    /// <summary>Notes a read and tells whether it races with the last write.</summary>
    public bool Read(in Accessor by)
    {
        if (_reader.Launch != by.Launch || _reader.Block != by.Block || _reader.Interval != by.Interval) _reader = by;
        else if (_reader.Warp != by.Warp) _reader = by with { Warp = Several, Lane = Several };
        else if (_reader.WarpInterval != by.WarpInterval) _reader = by;
        else if (_reader.Lane != by.Lane) _reader = by with { Lane = Several };
        return by.Races(_writer);
    }

    /// <summary>Notes a write and tells whether it races with the last write or read.</summary>
    public bool Write(in Accessor by)
    {
        var races = by.Races(_writer) || by.Races(_reader);
        _writer = by;
        return races;
    }
}

/// <summary>The memory of a machine's launches: what a launch may touch, and who touched it.</summary>
/// <remarks>
/// Bytes are tracked in pairs, each with its last writer and its last reader: a read of another block before the last is not remembered.
/// Regions are remembered from launch to launch, because an access says of which launch it is; all are forgotten when they would be of
/// more than 32 MiB.
/// </remarks>
internal sealed class GlobalMemory
{
    private const long MostBytes = 1L << 25;
    private readonly Dictionary<(long, long, long), Region> _known = [];
    private readonly List<Region> _regions = [];
    private long _bytes;
    private Region? _last;

    /// <summary>Allows these stretches and nothing else; those that overlap become one.</summary>
    public void Allow(IEnumerable<Stretch> stretches)
    {
        _regions.Clear();
        _last = null;
        long begin = 0, end = -1, from = 0;
        foreach (var (address, bytes, origin) in stretches.Where(s => s.Bytes > 0).OrderBy(s => s.Address))
        {
            if (end >= 0 && address < end)
            {
                end = Math.Max(end, address + bytes);
                continue;
            }
            if (end >= 0) _regions.Add(Find(begin, end - begin, from));
            (begin, end, from) = (address, address + bytes, origin);
        }
        if (end >= 0) _regions.Add(Find(begin, end - begin, from));
    }

    /// <summary>The region that holds all of an access; null where none does.</summary>
    public Region? Of(long address, int bytes)
    {
        if (_last is { } last && address >= last.Address && address + bytes <= last.End) return last;
        foreach (var region in _regions)
            if (address >= region.Address && address + bytes <= region.End) return _last = region;
        return null;
    }

    private Region Find(long address, long bytes, long origin)
    {
        if (_known.TryGetValue((address, bytes, origin), out var known)) return known;
        if ((_bytes += bytes) > MostBytes)
        {
            _known.Clear();
            _bytes = bytes;
        }
        return _known[(address, bytes, origin)] = new Region(address, bytes, origin);
    }
}
