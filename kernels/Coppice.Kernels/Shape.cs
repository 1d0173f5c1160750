namespace Coppice.Kernels;

/// <summary>Up to four extents, row-major: the last varies fastest.</summary>
public readonly record struct Shape
{
    private readonly int _d0, _d1, _d2, _d3;

    private Shape(int rank, int d0, int d1, int d2, int d3)
    {
        if ((d0 | d1 | d2 | d3) < 0)
            throw new ArgumentOutOfRangeException(nameof(d0), $"shape: extents must not be negative, got [{d0}, {d1}, {d2}, {d3}].");
        (Rank, _d0, _d1, _d2, _d3) = (rank, d0, d1, d2, d3);
    }

    /// <summary>[d0].</summary>
    public Shape(int d0) : this(1, d0, 1, 1, 1) { }
    /// <summary>[d0, d1].</summary>
    public Shape(int d0, int d1) : this(2, d0, d1, 1, 1) { }
    /// <summary>[d0, d1, d2].</summary>
    public Shape(int d0, int d1, int d2) : this(3, d0, d1, d2, 1) { }
    /// <summary>[d0, d1, d2, d3].</summary>
    public Shape(int d0, int d1, int d2, int d3) : this(4, d0, d1, d2, d3) { }

    /// <summary>Number of extents, 1 to 4.</summary>
    public int Rank { get; }
    /// <summary>Extent <paramref name="axis"/>, 0 the slowest.</summary>
    public int this[int axis] =>
        axis switch { 0 => _d0, 1 => _d1, 2 => _d2, 3 => _d3, _ => throw new ArgumentOutOfRangeException(nameof(axis)) };
    /// <summary>The first extent: rows.</summary>
    public int First => _d0;
    /// <summary>The last extent.</summary>
    public int Last => this[Rank - 1];
    /// <summary>Elements in one row: the product of all extents but the first.</summary>
    public int RowLength => checked(_d1 * _d2 * _d3);
    /// <summary>Elements in all.</summary>
    public long Count => (long)_d0 * RowLength;
    /// <summary>The same shape with another first extent.</summary>
    public Shape WithFirst(int rows) => new(Rank, rows, _d1, _d2, _d3);

    /// <inheritdoc/>
    public override string ToString() => Rank switch
    {
        1 => $"[{_d0}]",
        2 => $"[{_d0}, {_d1}]",
        3 => $"[{_d0}, {_d1}, {_d2}]",
        _ => $"[{_d0}, {_d1}, {_d2}, {_d3}]",
    };
}
