using Coppice.Kernels.Gpu;
using ILGPU;

namespace Coppice.Kernels;

/// <summary>Reads a <see cref="PagedKv"/>: slot s is in page pageTable[s / 64].</summary>
internal readonly struct PagedReader<T>(DevicePages<T> pages, ArrayView<int> pageTable) : IDeviceKv where T : unmanaged, IDeviceElement<T>
{
    private readonly DevicePages<T> _pages = pages;
    private readonly ArrayView<int> _pageTable = pageTable;

    public int HeadDim => _pages.HeadDim;
    public int KvHeads => _pages.KvHeads;
    public int Page(int logicalPage) => _pageTable[logicalPage];
    public Float8 Keys8(int index) => _pages.Keys8(index);
    public int KeyIndex(int page, int head) => _pages.KeyIndex(page, head);
    public float Key(int page, int head, int dimension, int column) => _pages.Key(page, head, dimension, column);
    public Float4 Values4(int index) => _pages.Values4(index);
    public int ValueIndex(int page, int head) => _pages.ValueIndex(page, head);
    public Float4 Value4(int page, int head, int column, int dimension) => _pages.Value4(page, head, column, dimension);
    public void Store(int page, int head, int column, int dimension, float key, float value) => _pages.Store(page, head, column, dimension, key, value);
    public void Move(int fromPage, int fromColumn, int toPage, int toColumn, int head, int dimension) =>
        _pages.Move(fromPage, fromColumn, toPage, toColumn, head, dimension);
}

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void KvAppendCore(in PagedKv kv, Tensor k, Tensor v, int start)
    {
        switch (kv.Keys.Type)
        {
            case ElementType.F32: Append(Reader<DeviceF32>(kv), k, v, start); break;
            case ElementType.F16: Append(Reader<DeviceF16>(kv), k, v, start); break;
            default: Append(Reader<DeviceBF16>(kv), k, v, start); break;
        }
    }

    /// <inheritdoc/>
    protected override void KvMoveCore(in PagedKv kv, ReadOnlySpan<int> sources, int start)
    {
        switch (kv.Keys.Type)
        {
            case ElementType.F32: Move(Reader<DeviceF32>(kv), sources, start); break;
            case ElementType.F16: Move(Reader<DeviceF16>(kv), sources, start); break;
            default: Move(Reader<DeviceBF16>(kv), sources, start); break;
        }
    }

    /// <inheritdoc/>
    protected override void AttentionCore(Tensor q, in PagedKv kv, in AttentionMask mask, float scale, float softCap, Tensor y)
    {
        switch (kv.Keys.Type)
        {
            case ElementType.F32: Attend(q, Reader<DeviceF32>(kv), mask, scale, softCap, y); break;
            case ElementType.F16: Attend(q, Reader<DeviceF16>(kv), mask, scale, softCap, y); break;
            default: Attend(q, Reader<DeviceBF16>(kv), mask, scale, softCap, y); break;
        }
    }

    private static PagedReader<T> Reader<T>(in PagedKv kv) where T : unmanaged, IDeviceElement<T> =>
        new(Pages<T>(kv.Keys, kv.Values), View<int>(kv.PageTable));
}
