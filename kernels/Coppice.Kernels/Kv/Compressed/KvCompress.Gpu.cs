using Coppice.Kernels.Memory;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    private Backend? _host;

    protected override void KvCompressCore(in PagedKv source, int first, KvChunkLayout layout, int layer, int number, Tensor chunks,
        int unit)
    {
        var table = new int[source.PageTable.Rows];
        DownloadCore(source.PageTable, System.Runtime.InteropServices.MemoryMarshal.AsBytes(table.AsSpan()));
        CompressPages(source.Keys, source.Values, table, first, layout, layer, number, chunks, unit);
    }

    protected override void KvCompressCore(in DenseKv source, int first, KvChunkLayout layout, int layer, int number, Tensor chunks,
        int unit) => CompressPages(source.Keys, source.Values, null, first, layout, layer, number, chunks, unit);

    protected override void KvCompressCore(Tensor k, Tensor v, KvChunkLayout layout, int layer, int number, Tensor chunks, int unit)
    {
        using var desk = new HostDesk(_host ??= SimdBackend.Create(1), 2 * k.Shape.Count * sizeof(float), layout);
        var (keys, values) = (desk.Copy(this, k), desk.Copy(this, v));
        desk.Host.KvCompress(keys, values, layout, layer, number, desk.Chunk, 0);
        desk.Return(this, chunks, unit);
    }

    /// <summary>
    /// Copies the pages of a chunk to the host, compresses them there, and copies the chunk back: a few pages every 64 tokens, with the
    /// very code that the CPU's caches use, so that a chunk has the same bytes.
    /// </summary>
    private void CompressPages(in Tensor keys, in Tensor values, int[]? table, int first, KvChunkLayout layout, int layer, int number,
        in Tensor chunks, int unit)
    {
        const int size = KvLayout.PageSize;
        var (begin, end) = (first / size, (first + layout.Tokens + size - 1) / size);
        var page = keys.Shape.RowLength * (long)keys.Type.Size();
        using var desk = new HostDesk(_host ??= SimdBackend.Create(1), 2 * (end - begin) * page, layout);
        var (heads, dim) = (keys.Shape[1], keys.Shape[2]);
        var hostKeys = desk.Rent(KvLayout.Keys(end - begin, heads, dim), keys.Type);
        var hostValues = desk.Rent(KvLayout.Values(end - begin, heads, dim), keys.Type);
        for (var block = begin; block < end; block++)
        {
            var at = table is null ? block : table[block];
            HostDesk.Copy(this, keys.Slice(at, 1), hostKeys.Slice(block - begin, 1));
            HostDesk.Copy(this, values.Slice(at, 1), hostValues.Slice(block - begin, 1));
        }
        desk.Host.KvCompress(new DenseKv(hostKeys, hostValues), first - begin * size, layout, layer, number, desk.Chunk, 0);
        desk.Return(this, chunks, unit);
    }

    /// <summary>Memory of the host for one chunk and what it is made of.</summary>
    private sealed class HostDesk : IDisposable
    {
        private const int Rounding = 256;
        private readonly MemoryPool _pool;
        private readonly List<Tensor> _rented = [];

        public HostDesk(Backend host, long bytes, KvChunkLayout layout)
        {
            Host = host;
            _pool = host.CreatePool("chunk", bytes + layout.StoredBytes + 3 * Rounding);
            Chunk = Rent(new Shape(layout.Units, KvChunkLayout.Unit / sizeof(int)), ElementType.I32);
        }

        public Backend Host { get; }
        public Tensor Chunk { get; }

        public Tensor Rent(Shape shape, ElementType type)
        {
            var tensor = _pool.Rent(shape, type);
            _rented.Add(tensor);
            return tensor;
        }

        public Tensor Copy(GpuBackend device, Tensor source)
        {
            var target = Rent(source.Shape, source.Type);
            for (var row = 0; row < source.Rows; row++) Copy(device, source.Slice(row, 1), target.Slice(row, 1));
            return target;
        }

        public static void Copy(GpuBackend device, Tensor source, Tensor target) => device.DownloadCore(source, Bytes(target));

        public void Return(GpuBackend device, Tensor chunks, int unit) =>
            device.UploadCore(Bytes(Chunk), chunks.Slice(unit, Chunk.Rows));

        public void Dispose()
        {
            foreach (var tensor in _rented) tensor.Buffer.Dispose();
            _pool.Dispose();
        }

        private static unsafe Span<byte> Bytes(Tensor tensor) =>
            new((void*)tensor.Address, checked((int)(tensor.Shape.Count * tensor.Type.Size())));
    }
}
