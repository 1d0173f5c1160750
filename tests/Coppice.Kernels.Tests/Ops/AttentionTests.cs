using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Ops;

/// <summary>
/// Attention against the reference: dense and paged, causal rows and token trees, windows, soft caps, every KV type; unused slots hold NaN.
/// </summary>
public abstract class AttentionTests(Device device) : OpSuite(device)
{
    [Fact, Trait(Settings, Every)]
    public void Attention_equals_the_formula() => Check(Cases.Attention, Run, c => Tolerances.Attention(c.HeadDim, c.QuerySize, c.SoftCap));

    [Fact]
    public void A_row_that_sees_nothing_gives_zeros() =>
        ForEach([new AttentionCase(0, 2, 2, 1, 16, ElementType.F32, false, MaskKind.Tree)], c =>
    {
        using var bed = NewBed();
        var image = new KvImage(c.KvHeads, c.HeadDim, c.Type, [0]);
        image.Store(0, 0, Noise.Uniform(1, 16), Noise.Uniform(2, 16));
        var q = bed.Place(new Shape(2, 2, 16), Noise.Uniform(3, 64));
        var y = bed.Output(q.Shape);
        // The second row is padding: depth -1 is before the root, so its path is empty.
        var mask = AttentionMask.Tree(0, bed.Place(new Shape(2, 1), [0, 0]), bed.Place(new Shape(2), [0, -1]), deepest: 0);
        bed.Backend.Attention(q, image.Dense(bed), mask, 0.25f, 0, y);
        Assert.All(bed.Floats(y).Skip(32), v => Assert.Equal(0f, v));
    });

    internal static float[] Run(Bed bed, AttentionCase c)
    {
        var (attend, y) = Prepare(bed, c);
        attend();
        return bed.Floats(y);
    }

    /// <summary>The call on operands in place, and where its result will be.</summary>
    /// <param name="bed">Where.</param>
    /// <param name="c">What.</param>
    /// <param name="inBlocks">By states of blocks and their merge instead of in one op.</param>
    internal static (Action Attend, Tensor Y) Prepare(Bed bed, AttentionCase c, bool inBlocks = false)
    {
        var slots = c.Start + c.Tokens;
        var row = c.KvHeads * c.HeadDim;
        float[] k = Noise.Uniform(1, (long)slots * row), v = Noise.Uniform(2, (long)slots * row);
        // Physical pages in some order, with unused ones among them.
        var pageTable = c.Paged ? Noise.Permutation(slots, c.Pages + 2)[..c.Pages] : [.. Enumerable.Range(0, c.Pages)];
        var image = new KvImage(c.KvHeads, c.HeadDim, c.Type, pageTable);
        for (var slot = 0; slot < slots; slot++) image.Store(slot, slot, k, v);

        var q = bed.Place(new Shape(c.Tokens, c.QueryHeads, c.HeadDim),
            Noise.Uniform(3, (long)c.Tokens * c.QueryHeads * c.HeadDim, c.QuerySize));
        var y = bed.Output(q.Shape);
        var mask = c.Mask switch
        {
            MaskKind.Tree => new RandomTree(slots, c.Tokens).Mask(bed, c.Start, c.Window),
            MaskKind.Full => AttentionMask.Full(c.Start),
            _ => AttentionMask.Causal(c.Start, c.Window),
        };
        var scale = 1 / MathF.Sqrt(c.HeadDim);
        var (paged, dense) = (c.Paged ? image.Paged(bed) : default, c.Paged ? default : image.Dense(bed));
        return (Attend, y);

        void Attend()
        {
            if (inBlocks)
            {
                var states = bed.Output(new Shape(c.Tokens, c.QueryHeads, c.HeadDim + 2));
                if (c.Paged) bed.Backend.AttendBlocks(q, paged, mask, default, scale, c.SoftCap, states, continues: false);
                else bed.Backend.AttendBlocks(q, dense, mask, default, scale, c.SoftCap, states, continues: false);
                bed.Backend.MergeBlocks(states, y);
            }
            else if (c.Paged) bed.Backend.Attention(q, paged, mask, scale, c.SoftCap, y);
            else bed.Backend.Attention(q, dense, mask, scale, c.SoftCap, y);
        }
    }
}

public sealed class AttentionOnPortable() : AttentionTests(Devices.Portable);
public sealed class AttentionOnAvx2() : AttentionTests(Devices.Avx2);
public sealed class AttentionOnAvx512() : AttentionTests(Devices.Avx512);
public sealed class AttentionOnAssembled() : AttentionTests(Devices.Assembled);
public sealed class AttentionOnCpuAccelerator() : AttentionTests(Devices.CpuAccelerator);
public sealed class AttentionOnCuda() : AttentionTests(Devices.Cuda);
