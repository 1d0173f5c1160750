using System.Runtime.InteropServices;
using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Cache;

/// <summary>Pages of keys and values of all layers in one stretch of memory, in runs: [runs, layers, 2, pages of a run, page].</summary>
/// <remarks>
/// With one run, each layer's keys are contiguous, and so are its values. With short runs what has been written grows with the pages in
/// use: the layers' tensors then overlap, each beginning where its part of the first run does, and page p is row <see cref="Row"/> of all
/// of them.
/// </remarks>
internal sealed class KvMemory : IDisposable
{
    private readonly KvGeometry _geometry;
    private readonly Tensor _all;       // [runs · layers · 2 · pages of a run, elements of a page]
    private readonly int _rows;

    /// <summary>Rents <paramref name="pages"/> pages for every layer, in whole runs.</summary>
    /// <param name="pool">Memory, at least <see cref="SizeInBytes"/>.</param>
    /// <param name="geometry">Sizes.</param>
    /// <param name="pages">Pages.</param>
    /// <param name="run">Pages of a run, at least 1.</param>
    /// <exception cref="DeviceMemoryException">The pool is too small.</exception>
    public KvMemory(MemoryPool pool, KvGeometry geometry, int pages, int run)
    {
        _geometry = geometry;
        Run = run;
        var runs = Runs(pages, run);
        var page = KvLayout.Keys(1, geometry.KvHeads, geometry.HeadDim).RowLength;
        _all = pool.Rent(new Shape(checked(runs * 2 * geometry.Layers * run), page), geometry.Type);
        _rows = runs == 0 ? 0 : Row((runs - 1) * run) + run;
    }

    /// <summary>Pages of a run.</summary>
    public int Run { get; }
    /// <summary>Pool bytes held.</summary>
    public long Bytes => _all.Buffer.Bytes;

    /// <summary>Keys of one layer: <see cref="KvLayout.Keys"/> with page p as row Row(p).</summary>
    public Tensor Keys(int layer) => _all.Slice(2 * layer * Run, _rows).As(KvLayout.Keys(_rows, _geometry.KvHeads, _geometry.HeadDim));

    /// <summary>Values of one layer: <see cref="KvLayout.Values"/> with page p as row Row(p).</summary>
    public Tensor Values(int layer) =>
        _all.Slice((2 * layer + 1) * Run, _rows).As(KvLayout.Values(_rows, _geometry.KvHeads, _geometry.HeadDim));

    /// <summary>
    /// Has the operating system give memory to a share of the run after that of <paramref name="page"/>, so that the pass in which that
    /// begins does not wait for all of it: in the second half of a run each page asks for an equal part of the next.
    /// </summary>
    public void CommitAhead(int page)
    {
        var (run, place) = Math.DivRem(page, Run);
        if (2 * place < Run) return;
        var bytes = _geometry.Bytes(Run);
        var next = (run + 1) * bytes;
        _all.Buffer.Commit(next + (2 * place - Run) * bytes / Run, next + Math.Min(2 * place + 2 - Run, Run) * bytes / Run);
    }

    /// <summary>Where page <paramref name="page"/> is in the tensors of every layer.</summary>
    public int Row(int page) => page / Run * Stride + page % Run;

    /// <summary>The page that is row <paramref name="row"/>: the inverse of <see cref="Row"/>.</summary>
    public int Page(int row) => row / Stride * Run + row % Stride;

    /// <summary>
    /// The page at <paramref name="row"/> as it is stored, in words of 4 bytes seen as F32: [2 · layers, words of a page], keys of layer l
    /// at 2 l, values at 2 l + 1. For copies; the words are no numbers unless keys and values are F32.
    /// </summary>
    public Tensor Words(int row)
    {
        var words = _geometry.PageWords;
        var shape = new Shape(2 * _geometry.Layers, words);
        return new Tensor(_all.Buffer, row * _geometry.PageBytes, shape, ElementType.F32, checked(Run * words));
    }

    /// <summary>
    /// Copies one layer's keys, then values, of the page at <paramref name="row"/> to the host, as they are stored. Waits for the work so
    /// far.
    /// </summary>
    public void Read(int layer, int row, Span<byte> bytes)
    {
        var words = MemoryMarshal.Cast<byte, float>(bytes);
        var half = words.Length / 2;
        var page = Words(row);
        var backend = page.Buffer.Pool.Owner;
        backend.Download(page.Slice(2 * layer, 1), words[..half]);
        backend.Download(page.Slice(2 * layer + 1, 1), words[half..]);
    }

    /// <summary>Stores what <see cref="Read"/> gave.</summary>
    public void Write(int layer, int row, ReadOnlySpan<byte> bytes)
    {
        var words = MemoryMarshal.Cast<byte, float>(bytes);
        var half = words.Length / 2;
        var page = Words(row);
        var backend = page.Buffer.Pool.Owner;
        backend.Upload(words[..half], page.Slice(2 * layer, 1));
        backend.Upload(words[half..], page.Slice(2 * layer + 1, 1));
    }

    /// <summary>Pool bytes that <paramref name="pages"/> pages take.</summary>
    public static long SizeInBytes(KvGeometry geometry, int pages, int run) => geometry.Bytes(checked(Runs(pages, run) * run));

    /// <summary>Returns the memory.</summary>
    public void Dispose() => _all.Buffer.Dispose();

    /// <summary>Rows from a page to the page at the same place of the next run.</summary>
    private int Stride => 2 * _geometry.Layers * Run;

    private static int Runs(int pages, int run) => pages / run + (pages % run == 0 ? 0 : 1);
}
