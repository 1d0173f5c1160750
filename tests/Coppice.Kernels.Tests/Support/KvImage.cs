using System.Runtime.InteropServices;
using Coppice.Kernels.Tests.Reference;

namespace Coppice.Kernels.Tests.Support;

/// <summary>
/// The bytes of a KV cache, written here from the definition of the layout, so that attention is tested without the op that appends.
/// </summary>
internal sealed class KvImage
{
    private readonly int _kvHeads, _headDim;
    private readonly ElementType _type;
    private readonly int[] _pageTable;

    /// <summary>Pages of which <paramref name="pageTable"/> names those in use; every slot holds NaN.</summary>
    public KvImage(int kvHeads, int headDim, ElementType type, int[] pageTable)
    {
        (_kvHeads, _headDim, _type, _pageTable) = (kvHeads, headDim, type, pageTable);
        Pages = pageTable.Max() + 1;
        var bytes = Pages * kvHeads * headDim * KvLayout.PageSize * type.Size();
        (Keys, Values) = (new byte[bytes], new byte[bytes]);
        MemoryMarshal.Cast<byte, uint>(Keys.AsSpan()).Fill(GuardedMemory.Sentinel);
        MemoryMarshal.Cast<byte, uint>(Values.AsSpan()).Fill(GuardedMemory.Sentinel);
    }

    public int Pages { get; }
    public byte[] Keys { get; }
    public byte[] Values { get; }

    /// <summary>Stores the row <paramref name="token"/> of k and v [tokens, kvHeads, headDim] in slot <paramref name="slot"/>.</summary>
    public void Store(int slot, int token, float[] k, float[] v)
    {
        var page = (long)_pageTable[slot / 64];
        for (var head = 0; head < _kvHeads; head++)
        {
            for (var d = 0; d < _headDim; d++)
            {
                var source = (token * _kvHeads + head) * _headDim + d;
                Write(Keys, ((page * _kvHeads + head) * _headDim + d) * 64 + slot % 64, k[source]);
                Write(Values, ((page * _kvHeads + head) * 64 + slot % 64) * _headDim + d, v[source]);
            }
        }
    }

    /// <summary>The image as a dense cache, whose page table must be 0, 1, 2, ….</summary>
    public DenseKv Dense(Bed bed) => new(
        bed.PlaceBytes(KvLayout.Keys(Pages, _kvHeads, _headDim), _type, Keys),
            bed.PlaceBytes(KvLayout.Values(Pages, _kvHeads, _headDim), _type, Values));

    /// <summary>The image as a paged cache.</summary>
    public PagedKv Paged(Bed bed)
    {
        var dense = Dense(bed);
        return new(dense.Keys, dense.Values, bed.Place(new Shape(_pageTable.Length), _pageTable));
    }

    private void Write(byte[] memory, long index, float value)
    {
        switch (_type)
        {
            case ElementType.F32: BitConverter.TryWriteBytes(memory.AsSpan((int)index * 4), value); break;
            case ElementType.F16: BitConverter.TryWriteBytes(memory.AsSpan((int)index * 2), SmallFloat.Binary16.Encode(value)); break;
            default: BitConverter.TryWriteBytes(memory.AsSpan((int)index * 2), SmallFloat.BFloat16.Encode(value)); break;
        }
    }
}
