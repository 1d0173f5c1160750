using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Coppice.Kernels.Assembled;
using Coppice.Kernels.Memory;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

/// <summary>The CPU back end: SIMD C# over host memory, with a team of threads for the ops that are worth splitting.</summary>
public abstract class SimdBackend : Backend
{
    private protected SimdBackend(CpuTier tier, int threads) => (Tier, Threads) = (tier, threads);

    /// <summary>The vector registers in use.</summary>
    public CpuTier Tier { get; }
    /// <summary>Threads that share an op, the caller's included.</summary>
    public int Threads { get; }
    /// <inheritdoc/>
    public override int? HostThreads => Threads;
    /// <inheritdoc/>
    internal override string Identity => $"{Name}, {CpuFeatures.Id}";

    /// <inheritdoc/>
    public override string Name => $"cpu {Tier.ToString().ToLowerInvariant()}, {Threads} thread{(Threads == 1 ? "" : "s")}";

    /// <summary>The widest tier of this processor (as far as the runtime may use it).</summary>
    public static CpuTier BestTier =>
        IsSupported(CpuTier.Assembled) ? CpuTier.Assembled
        : IsSupported(CpuTier.Avx512) ? CpuTier.Avx512 : IsSupported(CpuTier.Avx2) ? CpuTier.Avx2 : CpuTier.Portable;

    /// <summary>Whether this processor, and the runtime as configured, has a tier.</summary>
    public static bool IsSupported(CpuTier tier) => tier switch
    {
        CpuTier.Assembled => IsSupported(CpuTier.Avx512) && CpuFeatures.HasAvx512,
        CpuTier.Avx512 => Vector512.IsHardwareAccelerated && Avx512F.IsSupported,
        CpuTier.Avx2 => Vector256.IsHardwareAccelerated && Avx2.IsSupported && Fma.IsSupported,
        _ => true,
    };

    /// <summary>A CPU back end.</summary>
    /// <param name="threads">Threads that share an op; 0 for one for each processor the process may use.</param>
    /// <param name="tier">Vector registers to use; null for the widest there are.</param>
    /// <exception cref="ArgumentOutOfRangeException">A negative or absurd number of threads.</exception>
    /// <exception cref="PlatformNotSupportedException">The processor does not have that tier.</exception>
    public static SimdBackend Create(int threads = 0, CpuTier? tier = null)
    {
        if (threads is < 0 or > 1024)
            throw new ArgumentOutOfRangeException(nameof(threads),
                $"cpu: threads must be 1..1024, or 0 for all processors, got {threads}.");
        if (threads == 0) threads = Environment.ProcessorCount;
        var chosen = tier ?? BestTier;
        if (!IsSupported(chosen))
            throw new PlatformNotSupportedException($"cpu: tier {chosen} is not supported here, the widest is {BestTier}.");
        return CreateUnchecked(threads, chosen);
    }

    /// <summary>
    /// The same without asking the processor: vectors that it does not have are emulated, which is slow but gives the same bits, so every
    /// tier is tested on every machine.
    /// </summary>
    internal static SimdBackend CreateUnchecked(int threads, CpuTier tier) => tier switch
    {
        CpuTier.Assembled or CpuTier.Avx512 => new SimdBackend<Lanes512>(tier, threads),
        CpuTier.Avx2 => new SimdBackend<Twice<Lanes256>>(tier, threads),
        _ => new SimdBackend<Twice<Twice<Lanes128>>>(tier, threads),
    };
}

/// <summary>The CPU back end for one tier; every loop is over groups of 16 lanes.</summary>
/// <remarks>
/// Why inner loops are marked <see cref="Compiled.Alone"/>, which bars tiering and precompiled code: a loop of lanes that is compiled
/// without optimisation keeps every vector in memory and calls what should be inlined, and it runs so until the runtime has counted
/// enough calls.
/// Measured on one thread, a process that generates 24 tokens, medians of five (SmolLM2-135M in BF16, then weights/tiny): with the marks
/// 0.79 and 0.33 s of processor time and 0.50 and 0.29 s to the first token; without any 1.07 and 0.47 s, 1.35 and 0.39 s; on the tiles
/// alone 0.84 and 0.32 s. Left out on the ops of rows, caches and loading alone: 0.98 s instead of 0.85 s. In the steady state the marks
/// make no difference (61 attention and matmul cases: 1.00). So they stay on what loops over lanes, and belong nowhere else.
/// </remarks>
internal sealed unsafe partial class SimdBackend<TLanes> : SimdBackend where TLanes : struct, ILanes<TLanes>
{
    private const int Lanes = 16;
    private const long Slack = 64L << 20;       // what is available is an estimate; a small pool is left to the operating system

    private readonly WorkerTeam _team;
    private readonly ScratchMemory _scratch;

    internal SimdBackend(CpuTier tier, int threads) : base(tier, threads)
    {
        _team = new WorkerTeam(threads);
        _scratch = new ScratchMemory(this);
    }

    public override bool CommitsOnWrite => true;

    public override bool CompilesWhenCalled => true;

    public override bool PrefersEightBits => true;

    public override long AvailableBytes => AvailableMemory.Bytes;

    protected override MemoryPool CreatePoolCore(string name, long capacity, bool sparse)
    {
        var available = AvailableBytes;
        if (capacity > available + Slack)
        {
            throw new DeviceMemoryException(
                $"pool {name}: {capacity:N0} bytes are needed, but this process may have {available:N0} more "
                + "(choose a shorter context or a smaller weight format).");
        }
        return new HostPool(this, name, capacity, hugePages: !sparse);
    }

    protected override void SynchronizeCore() { }

    protected override void UploadCore(ReadOnlySpan<byte> source, Tensor destination) =>
        source.CopyTo(new Span<byte>((void*)destination.Address, source.Length));

    protected override void DownloadCore(Tensor source, Span<byte> destination) =>
        new ReadOnlySpan<byte>((void*)source.Address, destination.Length).CopyTo(destination);

    protected override WeightMatrix CreateWeightCore(MemoryPool pool, int outputs, int inputs, MatrixFormat format,
        ActivationFormat activations)
    {
        if (Tier == CpuTier.Assembled && activations != ActivationFormat.F32) TileKernels.Prepare(TileKinds.Of(format));
        return new PanelMatrix(this, pool.Rent(WeightBytes(outputs, inputs, format)), outputs, inputs, format, activations);
    }

    public override long WeightBytes(int outputs, int inputs, MatrixFormat format) => new PanelLayout(outputs, inputs, format).Bytes;

    /// <summary>Row <paramref name="row"/> of an F32 tensor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float* Row(in Tensor tensor, int row) => (float*)tensor.Address + (long)row * tensor.RowStride;

    protected override void Dispose(bool disposing)
    {
        if (!disposing) return;
        _team.Dispose();
        _scratch.Dispose();
        _best?.Dispose();
    }
}
