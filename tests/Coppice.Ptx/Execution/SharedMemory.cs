namespace Coppice.Ptx.Execution;

/// <summary>The shared memory of a block, byte by byte: what it holds and who touched it since which barrier.</summary>
internal sealed class SharedMemory(int bytes)
{
    /// <summary>Where the first symbol lies: after what sm_80 keeps for itself, at a multiple of all banks.</summary>
    public const int Base = 1024;

    /// <summary>Nobody yet.</summary>
    public const int Nobody = -1;

    /// <summary>More than one thread, or more than one warp.</summary>
    private const int Several = -2;

    private readonly Track[] _tracks = new Track[bytes];

    /// <summary>The bytes.</summary>
    public byte[] Bytes { get; } = new byte[bytes];

    /// <summary>Copies that have begun and may land any time, by byte: how many.</summary>
    public byte[] Pending { get; } = new byte[bytes];

    /// <summary>Makes it memory of a new block, which nobody has written.</summary>
    public void Clear()
    {
        Array.Fill(_tracks, new Track { Writer = Nobody, Reader = Nobody });
        Array.Clear(Pending);
    }

    /// <summary>Whether a byte has ever been written.</summary>
    public bool IsWritten(int at) => _tracks[at].Writer != Nobody;

    /// <summary>Notes a read and tells whether it races with a write.</summary>
    public bool Read(int at, int thread, int interval, int warpInterval)
    {
        ref var track = ref _tracks[at];
        var races = track.Writer >= 0 && Races(track.Writer, track.WriteInterval, track.WriteWarpInterval, thread, interval, warpInterval);
        if (track.Reader == Nobody || track.ReadInterval != interval)
            (track.Reader, track.ReadWarp, track.ReadInterval, track.ReadWarpInterval) = (thread, thread / 32, interval, warpInterval);
        else if (track.ReadWarp != thread / 32) (track.Reader, track.ReadWarp) = (Several, Several);
        else if (track.ReadWarpInterval != warpInterval) (track.Reader, track.ReadWarpInterval) = (thread, warpInterval);
        else if (track.Reader != thread) track.Reader = Several;
        return races;
    }

    /// <summary>Notes a write and tells whether it races with a read or another write.</summary>
    public bool Write(int at, int thread, int interval, int warpInterval)
    {
        ref var track = ref _tracks[at];
        var races = track.Writer >= 0 && Races(track.Writer, track.WriteInterval, track.WriteWarpInterval, thread, interval, warpInterval);
        if (track.Reader != Nobody && track.ReadInterval == interval && track.Reader != thread)
            races |= track.ReadWarp != thread / 32 || track.ReadWarpInterval == warpInterval;
        (track.Writer, track.WriteInterval, track.WriteWarpInterval) = (thread, interval, warpInterval);
        return races;
    }

    private static bool Races(int other, int otherInterval, int otherWarpInterval, int thread, int interval, int warpInterval) =>
        other != thread && otherInterval == interval && (other / 32 != thread / 32 || otherWarpInterval == warpInterval);

    private struct Track
    {
        public int Writer, WriteInterval, WriteWarpInterval, Reader, ReadWarp, ReadInterval, ReadWarpInterval;
    }
}
