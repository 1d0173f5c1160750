using System.Runtime.InteropServices;
using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Cache;

/// <summary>
/// Room for the chunks of blocks in all layers: [runs, layers, units of a run], where a run holds some blocks, or some first ones.
/// </summary>
/// <remarks>
/// As in <see cref="KvMemory"/>, what has been written grows with the blocks in use, a layer's chunks lie together, and the layers' tensors
/// overlap: each begins where its part of the first run does, so that a block is at the same unit of all of them.
/// </remarks>
internal sealed class KvChunkMemory : IDisposable
{
    /// <summary>Bytes of a run of one layer; see KvPagePool.</summary>
    private const int RunBytes = 384 << 10;
    private const int UnitWords = KvChunkLayout.Unit / sizeof(int);

    private readonly KvChunkFormat _format;
    private readonly Tensor _all;           // [units, 16], I32
    private readonly Runs _runs;

    /// <summary>Rents room.</summary>
    /// <param name="pool">Memory, at least <see cref="SizeInBytes"/>.</param>
    /// <param name="format">How blocks are compressed.</param>
    /// <param name="size">How many.</param>
    /// <exception cref="DeviceMemoryException">The pool is too small.</exception>
    public KvChunkMemory(MemoryPool pool, KvChunkFormat format, CompressedKvSize size)
    {
        _format = format;
        _runs = new Runs(format, size);
        _all = pool.Rent(new Shape(_runs.Units, UnitWords), ElementType.I32);
    }

    /// <summary>Pool bytes held.</summary>
    public long Bytes => _all.Buffer.Bytes;

    /// <summary>[units, 16], I32: chunks of one layer, each at <see cref="Unit"/> of its block.</summary>
    public Tensor Layer(int layer) => _all.Slice(layer * _runs.Width, _runs.Units - layer * _runs.Width);

    /// <summary>The unit at which a block's chunk begins in every layer's tensor.</summary>
    /// <param name="block">Blocks that are not first ones, then first ones.</param>
    public int Unit(int block) => _runs.Unit(block);

    /// <summary>Pool bytes that blocks take.</summary>
    public static long SizeInBytes(KvChunkFormat format, CompressedKvSize size) => (long)new Runs(format, size).Units * KvChunkLayout.Unit;

    /// <summary>Copies the chunk of a layer to the host. Waits for the work so far.</summary>
    public void Read(int layer, int block, Span<byte> bytes)
    {
        var chunk = Layer(layer).Slice(Unit(block), bytes.Length / KvChunkLayout.Unit);
        _all.Buffer.Pool.Owner.Download(chunk, MemoryMarshal.Cast<byte, int>(bytes));
    }

    /// <summary>Copies the chunk of a layer from the host.</summary>
    public void Write(int layer, int block, ReadOnlySpan<byte> bytes)
    {
        var chunk = Layer(layer).Slice(Unit(block), bytes.Length / KvChunkLayout.Unit);
        _all.Buffer.Pool.Owner.Upload(MemoryMarshal.Cast<byte, int>(bytes), chunk);
    }

    /// <summary>Returns the memory.</summary>
    public void Dispose() => _all.Buffer.Dispose();

    /// <summary>How blocks are put into runs.</summary>
    private readonly struct Runs
    {
        private readonly int _layers, _blocks, _perRun, _firstPerRun, _units, _firstUnits;

        public Runs(KvChunkFormat format, CompressedKvSize size)
        {
            (_layers, _blocks) = (format.Geometry.Layers, size.Blocks);
            (_units, _firstUnits) = (format.Layout(isFirst: false).Units, format.Layout(isFirst: true).Units);
            var all = Math.Max((long)size.Blocks * _units, _firstUnits);
            Width = (int)Math.Clamp(RunBytes / KvChunkLayout.Unit, _firstUnits, all);
            (_perRun, _firstPerRun) = (Width / _units, Width / _firstUnits);
            var runs = Count(size.Blocks, _perRun) + Count(size.FirstBlocks, _firstPerRun);
            Units = checked(runs * _layers * Width);
        }

        /// <summary>Units of a run of one layer.</summary>
        public int Width { get; }
        /// <summary>Units in all.</summary>
        public int Units { get; }

        public int Unit(int block)
        {
            if (block < _blocks) return block / _perRun * _layers * Width + block % _perRun * _units;
            var first = block - _blocks;
            return (Count(_blocks, _perRun) + first / _firstPerRun) * _layers * Width + first % _firstPerRun * _firstUnits;
        }

        private static int Count(int blocks, int perRun) => (blocks + perRun - 1) / perRun;
    }
}
