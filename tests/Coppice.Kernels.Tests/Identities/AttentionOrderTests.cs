using Coppice.Kernels.Tests.Support;
using CsCheck;
using Xunit;

namespace Coppice.Kernels.Tests.Identities;

/// <summary>Contract C1 for attention, bit by bit: decode = prefill row = tree node = any page order, whatever unused slots hold.</summary>
public abstract class AttentionOrderTests(Device device) : OpSuite(device)
{
    private static readonly (int Query, int Kv, int Dim)[] HeadShapes = [(1, 1, 8), (4, 1, 24), (3, 3, 18), (6, 2, 64), (2, 1, 80)];

    private static readonly Gen<Scene> Scenes =
        Gen.Select(Gen.Int[0, 200], Gen.Int[1, 24], Gen.Int[0, 4], Gen.Int[0, 2], Gen.Int[0, 3], Gen.Int[0, 1], Gen.Int[0, 1 << 20],
            (start, nodes, heads, type, window, cap, seed) =>
            new Scene(start, nodes, heads, (ElementType)type, window switch { 0 => 1, 1 => 37, 2 => 64, _ => 0 }, cap * 30f, seed));

    private static readonly Gen<Scene> SmallScenes =
        Gen.Select(Gen.Int[55, 70], Gen.Int[1, 5], Gen.Int[0, 2], Gen.Int[0, 1 << 20], (start, nodes, type, seed) =>
            new Scene(start, nodes, 0, (ElementType)type, seed % 3 == 0 ? 37 : 0, seed % 2 * 30f, seed));

    [Fact]
    public void A_tree_node_equals_decoding_and_prefilling_its_path()
    {
        Device.Require();
        var (scenes, count) = Device.IsOnHost ? (Scenes, 150L) : (SmallScenes, 4L);
        scenes.Sample(Check, iter: count, threads: 1);
    }

    /// <summary>A row that sees all others in both directions has the bits of the last of consecutive rows with the same query.</summary>
    [Fact]
    public void A_row_that_sees_all_equals_the_last_row_of_consecutive_ones()
    {
        Device.Require();
        var (scenes, count) = Device.IsOnHost ? (Scenes, 150L) : (SmallScenes, 4L);
        scenes.Sample(scene => CheckFull(scene with { Window = 0 }), iter: count, threads: 1);
    }

    private void CheckFull(Scene scene)
    {
        using var bed = NewBed();
        int[] rows = [.. Enumerable.Range(0, scene.Nodes)];
        var all = scene.Attend(bed, rows, AttentionMask.Full(scene.Start), scene.Consecutive(scene.Nodes));
        var last = AttentionMask.Causal(scene.Start + scene.Nodes - 1);
        foreach (var row in rows)
        {
            var alone = scene.Attend(bed, rows, last, scene.Shuffled(scene.Nodes), asking: [row]);
            Compare.SameFiniteBits($"{scene}: row {row} of all on {bed.Backend.Name}", all.AsSpan(row * scene.RowLength, scene.RowLength),
                alone);
        }
    }

    private void Check(Scene scene)
    {
        using var bed = NewBed();
        var tree = new RandomTree(scene.Seed, scene.Nodes);
        var nodes = scene.Attend(bed, [.. Enumerable.Range(0, scene.Nodes)], tree.Mask(bed, scene.Start, scene.Window),
            scene.Consecutive(scene.Nodes));
        var shuffled = scene.Attend(bed, [.. Enumerable.Range(0, scene.Nodes)], tree.Mask(bed, scene.Start, scene.Window),
            scene.Shuffled(scene.Nodes));
        Compare.SameFiniteBits($"{scene}: paged on {bed.Backend.Name}", nodes, shuffled);
        for (var node = 0; node < scene.Nodes; node++)
        {
            var path = tree.Path(node);
            var expected = nodes.AsSpan(node * scene.RowLength, scene.RowLength);
            var prefilled = scene.Attend(bed, path, AttentionMask.Causal(scene.Start, scene.Window), scene.Consecutive(path.Length));
            Compare.SameFiniteBits($"{scene}: prefill of the path to node {node} on {bed.Backend.Name}", expected,
                prefilled.AsSpan(^scene.RowLength..));
            var decoded = scene.Attend(bed, path, AttentionMask.Causal(scene.Start + path.Length - 1, scene.Window),
                scene.Shuffled(path.Length), asking: path[^1..]);
            Compare.SameFiniteBits($"{scene}: decoding the path to node {node} on {bed.Backend.Name}", expected, decoded);
        }
    }

    /// <summary>
    /// Committed positions and a tree after them; queries, keys and values of a node do not depend on where it is stored.
    /// </summary>
    private sealed record Scene(int Start, int Nodes, int Heads, ElementType Type, int Window, float SoftCap, int Seed)
    {
        private (int Query, int Kv, int Dim) Shape => HeadShapes[Heads];
        public int RowLength => Shape.Query * Shape.Dim;
        public int[] Consecutive(int rows) => [.. Enumerable.Range(0, KvLayout.Pages(Start + rows))];
        public int[] Shuffled(int rows) => Noise.Permutation(Seed, KvLayout.Pages(Start + rows) + 3)[..KvLayout.Pages(Start + rows)];

        /// <summary>
        /// Attention of <paramref name="rows"/>, nodes of the tree, stored after the committed positions in this order, or only of those
        /// that are <paramref name="asking"/>.
        /// </summary>
        public float[] Attend(Bed bed, int[] rows, AttentionMask mask, int[] pageTable, int[]? asking = null)
        {
            var (query, kvHeads, dim) = Shape;
            var slots = Start + Nodes;
            float[] k = Noise.Uniform(Seed + 1, slots * kvHeads * dim), v = Noise.Uniform(Seed + 2, slots * kvHeads * dim),
                q = Noise.Uniform(Seed + 3, Nodes * RowLength, 4);
            var image = new KvImage(kvHeads, dim, Type, pageTable);
            for (var slot = 0; slot < Start; slot++) image.Store(slot, slot, k, v);
            for (var i = 0; i < rows.Length; i++) image.Store(Start + i, Start + rows[i], k, v);
            asking ??= rows;
            var queries = bed.Place(new Shape(asking.Length, query, dim),
                asking.SelectMany(node => q.Skip(node * RowLength).Take(RowLength)).ToArray());
            var y = bed.Output(queries.Shape);
            var scale = 1 / MathF.Sqrt(dim);
            if (pageTable.Where((page, i) => page != i).Any()) bed.Backend.Attention(queries, image.Paged(bed), mask, scale, SoftCap, y);
            else bed.Backend.Attention(queries, image.Dense(bed), mask, scale, SoftCap, y);
            return bed.Floats(y);
        }
    }
}

public sealed class AttentionOrderOnPortable() : AttentionOrderTests(Devices.Portable);
public sealed class AttentionOrderOnAvx2() : AttentionOrderTests(Devices.Avx2);
public sealed class AttentionOrderOnAvx512() : AttentionOrderTests(Devices.Avx512);
public sealed class AttentionOrderOnAssembled() : AttentionOrderTests(Devices.Assembled);
public sealed class AttentionOrderOnCpuAccelerator() : AttentionOrderTests(Devices.CpuAccelerator);
public sealed class AttentionOrderOnCuda() : AttentionOrderTests(Devices.Cuda);
