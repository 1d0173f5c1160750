using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>Slots moved forward when a path of a token tree is kept, byte for byte.</summary>
public abstract class KvMoveTests(Device device) : OpSuite(device)
{
    [Fact]
    public void Accepted_slots_are_moved_together_and_others_stay() => Check(Cases.Kv, (bed, c) =>
    {
        // Finite numbers of every format: patterns of NaN need not survive a move that widens.
        var count = (long)c.Pages * c.KvHeads * c.HeadDim * KvLayout.PageSize;
        var image = new KvImage(c.KvHeads, c.HeadDim, c.Type, c.Paged ? Noise.Permutation(c.Start, c.Pages)
            : [.. Enumerable.Range(0, c.Pages)]);
        float[] k = Noise.Uniform(1, count), v = Noise.Uniform(2, count);
        for (var slot = 0; slot < c.Pages * KvLayout.PageSize; slot++) image.Store(slot, slot, k, v);
        var sources = Noise.Permutation(7,
            2 * c.Tokens).Take(c.Tokens).Order().Select(i => Math.Min(c.Start + i, c.Pages * KvLayout.PageSize - 1)).Distinct().ToArray();
        return c.Paged ? Paged(bed, image, sources, c.Start) : Dense(bed, image, sources, c.Start);
    }, _ => Tolerances.Exact);

    [Fact]
    public void Moving_nothing_changes_nothing() => ForEach([new KvCase(1, 1, 1, 8, ElementType.F32, false)], c =>
    {
        using var bed = NewBed();
        var image = new KvImage(c.KvHeads, c.HeadDim, c.Type, [0]);
        var kv = image.Dense(bed);
        bed.Backend.KvMove(kv, [], 5);
        Compare.Same<byte>("kv_move of nothing", image.Keys, bed.Bytes(kv.Keys));
    });

    private static float[] Dense(Bed bed, KvImage image, int[] sources, int start)
    {
        var kv = image.Dense(bed);
        bed.Backend.KvMove(kv, sources, start);
        return Contents(bed, kv.Keys, kv.Values);
    }

    private static float[] Paged(Bed bed, KvImage image, int[] sources, int start)
    {
        var kv = image.Paged(bed);
        bed.Backend.KvMove(kv, sources, start);
        return Contents(bed, kv.Keys, kv.Values);
    }

    private static float[] Contents(Bed bed, Tensor keys, Tensor values) =>
        [.. bed.Bytes(keys).Select(b => (float)b), .. bed.Bytes(values).Select(b => (float)b)];
}

public sealed class KvMoveOnPortable() : KvMoveTests(Devices.Portable);
public sealed class KvMoveOnAvx2() : KvMoveTests(Devices.Avx2);
public sealed class KvMoveOnAvx512() : KvMoveTests(Devices.Avx512);
public sealed class KvMoveOnCpuAccelerator() : KvMoveTests(Devices.CpuAccelerator);
public sealed class KvMoveOnCuda() : KvMoveTests(Devices.Cuda);
