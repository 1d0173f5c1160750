using Coppice.Kernels.Assembled;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

/// <summary>
/// Attention on the CPU: scores with lanes over keys, values with lanes over the head dimension, one block of 64 positions at a time.
/// </summary>
internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>Multiply-adds below which threads are not woken.</summary>
    private const long SerialWork = 1 << 16;

    private AttentionJob? _attendDenseF32, _attendDenseF16, _attendDenseBF16, _attendPagedF32, _attendPagedF16, _attendPagedBF16;

    protected override void AttentionCore(Tensor q, in DenseKv kv, in AttentionMask mask, float scale, float softCap, Tensor y) =>
        Attend(q, kv, new Purpose(y, default, default, false), mask, scale, softCap);

    protected override void AttentionCore(Tensor q, in PagedKv kv, in AttentionMask mask, float scale, float softCap, Tensor y) =>
        Attend(q, kv, new Purpose(y, default, default, false), mask, scale, softCap);

    protected override void AttendBlocksCore(Tensor q, in DenseKv kv, in AttentionMask mask, in KvHorizon from, float scale, float softCap,
        Tensor states, bool continues) => Attend(q, kv, new Purpose(default, states, from, continues), mask, scale, softCap);

    protected override void AttendBlocksCore(Tensor q, in PagedKv kv, in AttentionMask mask, in KvHorizon from, float scale, float softCap,
        Tensor states, bool continues) => Attend(q, kv, new Purpose(default, states, from, continues), mask, scale, softCap);

    private void Attend(in Tensor q, in DenseKv kv, in Purpose purpose, in AttentionMask mask, float scale, float softCap)
    {
        var pages = new DensePages(kv);
        switch (kv.Keys.Type)
        {
            case ElementType.F32:
                Attend<DensePages, F32Element<TLanes>>(ref _attendDenseF32, q, pages, kv.KvHeads, purpose, mask, scale, softCap);
                break;
            case ElementType.F16:
                Attend<DensePages, F16Element<TLanes>>(ref _attendDenseF16, q, pages, kv.KvHeads, purpose, mask, scale, softCap);
                break;
            default:
                Attend<DensePages, BF16Element<TLanes>>(ref _attendDenseBF16, q, pages, kv.KvHeads, purpose, mask, scale, softCap);
                break;
        }
    }

    private void Attend(in Tensor q, in PagedKv kv, in Purpose purpose, in AttentionMask mask, float scale, float softCap)
    {
        var pages = new PagedPages(kv);
        switch (kv.Keys.Type)
        {
            case ElementType.F32:
                Attend<PagedPages, F32Element<TLanes>>(ref _attendPagedF32, q, pages, kv.KvHeads, purpose, mask, scale, softCap);
                break;
            case ElementType.F16:
                Attend<PagedPages, F16Element<TLanes>>(ref _attendPagedF16, q, pages, kv.KvHeads, purpose, mask, scale, softCap);
                break;
            default:
                Attend<PagedPages, BF16Element<TLanes>>(ref _attendPagedBF16, q, pages, kv.KvHeads, purpose, mask, scale, softCap);
                break;
        }
    }

    private void Attend<TPages, TElement>(ref AttentionJob? slot, in Tensor q, TPages pages, int kvHeads, in Purpose purpose,
        in AttentionMask mask, float scale, float softCap)
        where TPages : struct, IHostPages where TElement : struct, IKvElement<TLanes>
    {
        var kernels = Tier == CpuTier.Assembled && q.Shape[2] % Lanes == 0 ? TileKernels.Use(TileKinds.Of(TElement.Type)) : null;
        var rowTile = RowTileOf(q.Rows, kvHeads, q.Shape[1] / kvHeads, kernels);
        // What has states goes on from the op before it, so it cannot wait.
        if (_keeps && purpose.States.IsEmpty)
        {
            var kept = Keep<AttentionJob<TPages, TElement>>();
            kept.Set(kernels, q, pages, kvHeads, mask, scale, softCap, purpose.From, rowTile);
            kept.For(purpose);
            return;
        }
        var job = (AttentionJob<TPages, TElement>)(slot ??= new AttentionJob<TPages, TElement>());
        job.Set(kernels, q, pages, kvHeads, mask, scale, softCap, purpose.From, rowTile);
        Run(job, purpose, q.Rows);
    }

    /// <summary>Runs a job over the team, cut by rows or by blocks of keys.</summary>
    private void Run(AttentionJob job, in Purpose purpose, int rows)
    {
        job.For(purpose);
        if (Threads == 1 || job.Work < SerialWork)
        {
            job.Rows(Math.Min(rows, 4), _scratch.Get(job.WorkerScratch), 0);
            for (var part = 0; part < job.Parts; part++) job.Execute(part, 0);
        }
        else if (!job.RunAlone(this))
        {
            job.Rows(job.RowTile, _scratch.Get(job.WorkerScratch * Threads), job.WorkerScratch / sizeof(float));
            _team.Run(job, job.Parts);
        }
    }

    /// <summary>
    /// Queries of a full tile in C#: four by four panels of 512 bits, six by one panel in two registers of 256 bits, or two where registers
    /// have fewer bits.
    /// </summary>
    private static int QueryTile => typeof(TLanes) == typeof(Lanes512) ? 4 : typeof(TLanes) == typeof(Twice<Lanes256>) ? 6 : 2;

    /// <summary>
    /// Rows of one part, up to 4: those with which the thread that has most to do is done first, where queries go by full tiles.
    /// </summary>
    private int RowTileOf(int rows, int kvHeads, int group, TileKernels? kernels)
    {
        var step = kernels?.MostRows ?? QueryTile;
        var (best, least) = (1, int.MaxValue);
        for (var tile = 1; tile <= Math.Min(4, rows); tile++)
        {
            var parts = kvHeads * ((rows + tile - 1) / tile);
            var longest = (parts + Threads - 1) / Threads * ((tile * group + step - 1) / step);
            if (longest <= least) (best, least) = (tile, longest);
        }
        return best;
    }

    /// <summary>Where the result of a call goes.</summary>
    /// <param name="Y">Outputs, or empty.</param>
    /// <param name="States">Else states of blocks.</param>
    /// <param name="From">The positions that rows see.</param>
    /// <param name="Continues">Whether states hold earlier blocks.</param>
    private readonly record struct Purpose(Tensor Y, Tensor States, KvHorizon From, bool Continues);
}
