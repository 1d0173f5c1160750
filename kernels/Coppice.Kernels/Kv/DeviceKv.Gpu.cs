using Coppice.Kernels.Gpu;
using ILGPU;

namespace Coppice.Kernels;

/// <summary>Where the slots of a sequence lie in device memory: the part in which kinds of cache differ.</summary>
internal interface IDevicePages
{
    /// <summary>The page of memory that holds slots 64 · <paramref name="block"/> … + 63.</summary>
    /// <param name="table">The sequence's page table; any view where the kind has none.</param>
    /// <param name="block">Index of 64 slots.</param>
    static abstract int Page(ArrayView<int> table, int block);
}

/// <summary>
/// How kernels read and write one layer's cache. Slots are the sequence's own; a reader knows which page of memory holds them.
/// </summary>
internal interface IDeviceKv
{
    /// <summary>Elements of a head.</summary>
    int HeadDim { get; }
    /// <summary>Heads of a page.</summary>
    int KvHeads { get; }
    /// <summary>See <see cref="IDevicePages.Page"/>.</summary>
    int Page(int block);
    /// <summary>Eight keys' elements at <paramref name="index"/>, in units of 8 elements: see <see cref="KeyIndex"/>.</summary>
    Float8 Keys8(int index);
    /// <summary>Index of the first eight columns of a head's dimension 0. Columns 8 c … + 7 of dimension d are at + 8 d + c.</summary>
    int KeyIndex(int page, int head);
    /// <summary>Element <paramref name="dimension"/> of one key.</summary>
    float Key(int page, int head, int dimension, int column);
    /// <summary>Four elements of a value at <paramref name="index"/>, in units of 4 elements: see <see cref="ValueIndex"/>.</summary>
    Float4 Values4(int index);
    /// <summary>
    /// Index of dimensions 0 … 3 of a head's column 0, where headDim is a multiple of 4. Dimensions 4 d … + 3 of column c are at + c ·
    /// headDim / 4 + d.
    /// </summary>
    int ValueIndex(int page, int head);
    /// <summary>Elements <paramref name="dimension"/> … + 3 of one value, a multiple of 4, for any headDim; zeros after the last.</summary>
    Float4 Value4(int page, int head, int column, int dimension);
    /// <summary>Rounds and stores one element of a key and of a value.</summary>
    void Store(int page, int head, int column, int dimension, float key, float value);
    /// <summary>Copies one element of a key and of a value, as they are stored.</summary>
    void Move(int fromPage, int fromColumn, int toPage, int toColumn, int head, int dimension);
}

/// <summary>Reads and writes pages of keys and values in device memory.</summary>
/// <remarks>
/// Keys [pages, kvHeads, headDim, 64] and values [pages, kvHeads, 64, headDim] of <typeparamref name="T"/>, both at 16-byte boundaries.
/// </remarks>
internal readonly struct DeviceReader<TPages,
    T>(ArrayView<Words4> keys, ArrayView<Words4> values, int kvHeads, int headDim, ArrayView<int> table)
    : IDeviceKv where TPages : struct, IDevicePages where T : unmanaged, IDeviceElement<T>
{
    private const int PageSize = KvLayout.PageSize;
    private readonly ArrayView<Words4> _keys = keys;
    private readonly ArrayView<Words4> _values = values;
    private readonly int _kvHeads = kvHeads;
    private readonly int _headDim = headDim;
    private readonly ArrayView<int> _table = table;

    public int HeadDim => _headDim;
    public int KvHeads => _kvHeads;
    public int Page(int block) => TPages.Page(_table, block);

    private long KeyAt(int page, int head, int dimension, int column) =>
        (((long)page * _kvHeads + head) * _headDim + dimension) * PageSize + column;

    private long ValueAt(int page, int head, int column, int dimension) =>
        (((long)page * _kvHeads + head) * PageSize + column) * _headDim + dimension;

    public Float8 Keys8(int index) => T.Load8(_keys, index);

    public int KeyIndex(int page, int head) => (page * _kvHeads + head) * _headDim * (PageSize / 8);

    public float Key(int page, int head, int dimension, int column) => T.ToSingle(_keys.Cast<T>()[KeyAt(page, head, dimension, column)]);

    public Float4 Values4(int index) => T.Load4(_values, index);

    public int ValueIndex(int page, int head) => (page * _kvHeads + head) * PageSize * (_headDim / 4);

    public Float4 Value4(int page, int head, int column, int dimension)
    {
        var at = ValueAt(page, head, column, dimension);
        var values = _values.Cast<T>();
        return new Float4
        {
            X = T.ToSingle(values[at]),
            Y = dimension + 1 < _headDim ? T.ToSingle(values[at + 1]) : 0f,
            Z = dimension + 2 < _headDim ? T.ToSingle(values[at + 2]) : 0f,
            W = dimension + 3 < _headDim ? T.ToSingle(values[at + 3]) : 0f,
        };
    }

    public void Store(int page, int head, int column, int dimension, float key, float value)
    {
        _keys.Cast<T>()[KeyAt(page, head, dimension, column)] = T.FromSingle(key);
        _values.Cast<T>()[ValueAt(page, head, column, dimension)] = T.FromSingle(value);
    }

    public void Move(int fromPage, int fromColumn, int toPage, int toColumn, int head, int dimension)
    {
        var (keys, values) = (_keys.Cast<T>(), _values.Cast<T>());
        keys[KeyAt(toPage, head, dimension, toColumn)] = keys[KeyAt(fromPage, head, dimension, fromColumn)];
        values[ValueAt(toPage, head, toColumn, dimension)] = values[ValueAt(fromPage, head, fromColumn, dimension)];
    }
}

internal sealed partial class GpuBackend
{
    private DeviceReader<TPages, T> Reader<TPages, T>(in Tensor keys, in Tensor values, in Tensor table)
        where TPages : struct, IDevicePages where T : unmanaged, IDeviceElement<T>
    {
        if (keys.ByteOffset % 16 != 0 || values.ByteOffset % 16 != 0)
            throw new ArgumentException(
                $"kv: keys and values must begin at multiples of 16 bytes on a GPU, got {keys.ByteOffset} and {values.ByteOffset}.");
        if (keys.Shape.Count / 4 > int.MaxValue)
            throw new ArgumentException($"kv: a layer's cache must have less than 2^33 elements on a GPU, got {keys.Shape}.");
        return new DeviceReader<TPages, T>(View<Words4>(keys), View<Words4>(values), keys.Shape[1], keys.Shape[2], ViewOrAny<int>(table));
    }

    private readonly struct AppendCall<TPages>(GpuBackend backend, Tensor keys, Tensor values, Tensor table, Tensor k, Tensor v, int start)
        : IDeviceElementCall where TPages : struct, IDevicePages
    {
        public void Run<T>() where T : unmanaged, IDeviceElement<T> =>
            backend.Append(backend.Reader<TPages, T>(keys, values, table), k, v, start);
    }

    private readonly ref struct MoveCall<TPages>(
        GpuBackend backend, Tensor keys, Tensor values, Tensor table, ReadOnlySpan<int> sources, int start)
        : IDeviceElementCall where TPages : struct, IDevicePages
    {
        private readonly ReadOnlySpan<int> _sources = sources;

        public void Run<T>() where T : unmanaged, IDeviceElement<T> =>
            backend.Move(backend.Reader<TPages, T>(keys, values, table), _sources, start);
    }

    private readonly struct AttendCall<TPages>(
        GpuBackend backend, Tensor keys, Tensor values, Tensor table, Tensor q, AttentionMask mask, float scale, float softCap,
        StateTarget target)
        : IDeviceElementCall where TPages : struct, IDevicePages
    {
        public void Run<T>() where T : unmanaged, IDeviceElement<T> =>
            backend.Attend(q, backend.Reader<TPages, T>(keys, values, table), mask, scale, softCap, target);
    }

    private void Append<TKv>(TKv kv, in Tensor k, in Tensor v, int start) where TKv : struct, IDeviceKv
    {
        var config = Cells(k.Rows, k.Shape.RowLength, out var cells);
        _kernels.Launch(config, KvAppendKernel<TKv>, cells, kv, Rows(k), Rows(v), start);
    }

    private void Move<TKv>(TKv kv, ReadOnlySpan<int> sources, int start) where TKv : struct, IDeviceKv
    {
        var config = Cells(1, kv.KvHeads * kv.HeadDim, out var cells);
        for (var done = 0; done < sources.Length; done += MaxMoves)
        {
            var count = Math.Min(MaxMoves, sources.Length - done);
            var slots = Scratch<int>(0, count);
            _staging.Upload(System.Runtime.InteropServices.MemoryMarshal.AsBytes(sources.Slice(done, count)), slots.Cast<byte>());
            _kernels.Launch(config, KvMoveKernel<TKv>, cells, kv, slots, count, start + done);
        }
    }

    /// <summary>Slots that one launch of <see cref="KvMoveKernel"/> moves: more than any token tree has.</summary>
    private const int MaxMoves = 1 << 16;

    /// <summary>
    /// Stores row t of keys and values in slot start + t, one thread an element of both. Reads 8 bytes and writes two elements for each.
    /// </summary>
    /// <param name="cells">Row: token. Column: head · headDim + dimension.</param>
    /// <param name="kv">The cache.</param>
    /// <param name="k">[tokens, kvHeads · headDim].</param>
    /// <param name="v">[tokens, kvHeads · headDim].</param>
    /// <param name="start">First slot.</param>
    [GroupSize(CellGroup)]
    internal static void KvAppendKernel<TKv>(DeviceCells cells, TKv kv, DeviceRows k, DeviceRows v, int start) where TKv : struct, IDeviceKv
    {
        if (!cells.Inside) return;
        var (row, column) = (DeviceCells.Row, DeviceCells.Column);
        var slot = start + row;
        kv.Store(kv.Page(slot / KvLayout.PageSize), column / kv.HeadDim, slot % KvLayout.PageSize, column % kv.HeadDim,
            k.View[k.Offset(row) + column], v.View[v.Offset(row) + column]);
    }

    /// <summary>
    /// Moves slot sources[j] to slot start + j for j ascending. A thread moves one element of all slots, so no two threads meet.
    /// </summary>
    [GroupSize(CellGroup)]
    internal static void KvMoveKernel<TKv>(DeviceCells cells, TKv kv, ArrayView<int> sources, int count, int start)
        where TKv : struct, IDeviceKv
    {
        if (!cells.Inside) return;
        var (head, dimension) = (DeviceCells.Column / kv.HeadDim, DeviceCells.Column % kv.HeadDim);
        for (var j = 0; j < count; j++)
        {
            var (from, to) = (sources[j], start + j);
            kv.Move(kv.Page(from / KvLayout.PageSize), from % KvLayout.PageSize, kv.Page(to / KvLayout.PageSize), to % KvLayout.PageSize,
                head, dimension);
        }
    }
}
