using Coppice.Kernels.Assembled;
using Coppice.Kernels.Gpu;
using Coppice.Kernels.Simd;
using Coppice.Kernels.Tests.Ptx;
using Coppice.Kernels.Tests.Support;
using Coppice.Ptx.Engine;
using Xunit;

[assembly: AssemblyFixture(typeof(DeviceLifetime))]
// A back end serves one thread at a time, and its worker threads spin: suites that ran side by side would only disturb each other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Coppice.Kernels.Tests.Support;

/// <summary>
/// Something that computes, with what the suites must know about it: whether it is here, and how much it can do in a test.
/// </summary>
public sealed class Device
{
    private readonly Lazy<IReadOnlyList<Backend>> _backends;

    internal Device(string name, string? missing, Func<IReadOnlyList<Backend>> create)
    {
        (Name, Missing) = (name, missing);
        _backends = new(create);
    }

    /// <summary>What the device is called in test results.</summary>
    public string Name { get; }
    /// <summary>Why this machine does not have it; null where it does.</summary>
    public string? Missing { get; }
    /// <summary>Whether operands lie in host memory, between guard pages.</summary>
    public bool IsOnHost { get; init; }
    /// <summary>The largest case that it is given, in multiply-adds.</summary>
    public long MaxCost { get; init; } = long.MaxValue;
    /// <summary>The most cases of one test that it is given.</summary>
    public int MaxCases { get; init; } = int.MaxValue;
    /// <summary>The same device with different numbers of threads; a single entry where that means nothing.</summary>
    public IReadOnlyList<Backend> Backends => _backends.Value;

    /// <summary>The cases that the device can do in a test's time, spread evenly over all of them.</summary>
    public IReadOnlyList<TCase> Select<TCase>(IEnumerable<TCase> cases) where TCase : ICase
    {
        var small = cases.Where(c => c.Cost <= MaxCost).ToArray();
        if (small.Length <= MaxCases) return small;
        return [.. Enumerable.Range(0, MaxCases).Select(i => small[(long)i * small.Length / MaxCases])];
    }

    /// <summary>Skips the running test where the device is absent.</summary>
    public void Require()
    {
        if (Missing is not null) Assert.Skip($"{Name}: {Missing}");
    }

    public override string ToString() => Name;

    internal void Release()
    {
        if (!_backends.IsValueCreated || Missing is not null) return;
        foreach (var backend in _backends.Value) backend.Dispose();
    }
}

/// <summary>The devices that every suite runs on.</summary>
public static class Devices
{
    /// <summary>128-bit SIMD, in software where the processor has none.</summary>
    public static Device Portable { get; } = Simd(CpuTier.Portable);
    /// <summary>256-bit SIMD.</summary>
    public static Device Avx2 { get; } = Simd(CpuTier.Avx2);
    /// <summary>512-bit SIMD; where the processor has none, the same code over vectors in software, so that it is never untested.</summary>
    public static Device Avx512 { get; } = SimdBackend.IsSupported(CpuTier.Avx512) ? Simd(CpuTier.Avx512) : Simd512InSoftware();
    /// <summary>512-bit SIMD with kernels assembled at run time: the suites of products and of attention, which have some.</summary>
    public static Device Assembled { get; } = AssembledSimd();
    /// <summary>GPU kernels on ILGPU's CPU accelerator: scalar, about half a millisecond a launch, so only small cases.</summary>
    public static Device CpuAccelerator { get; } = new("ILGPU CPU accelerator", null,
        () => [GpuBackend.CreateCpuAccelerator()])
    { MaxCost = 20_000, MaxCases = 24 };
    /// <summary>
    /// The PTX of the GPU kernels, for both architectures in turn, in an interpreter that fails on races, wrong addresses, divergent
    /// barriers and the like. A launch takes a tenth of a millisecond, but each kernel is compiled first.
    /// </summary>
    public static Device Ptx { get; } = new("PTX interpreter", null,
        () => [.. PtxCompiler.Architectures.Select(architecture => GpuBackend.CreateOn(new PtxLoader(architecture)))])
    { MaxCost = 40_000, MaxCases = Full.IsAskedFor ? int.MaxValue : 12 };
    /// <summary>The first NVIDIA GPU.</summary>
    public static Device Cuda { get; } = FindCuda();

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Device> All { get; } = [Portable, Avx2, Avx512, CpuAccelerator, Ptx, Cuda];

    private static Device Simd(CpuTier tier)
    {
        var missing = SimdBackend.IsSupported(tier) ? null : "this processor, or the runtime as configured, does not have it";
        return new($"SIMD {tier}", missing, () => [SimdBackend.Create(1, tier), SimdBackend.Create(2, tier), SimdBackend.Create(3, tier)])
        {
            IsOnHost = true,
            // A child process repeats what its parent has done in full, some of it with vectors in software.
            MaxCases = TierTests.IsChild ? 60 : int.MaxValue,
        };
    }

    private static Device AssembledSimd()
    {
        if (RefusedMemory.IsAskedFor) RefusedMemory.Refuse();
        // A first run must not find kernels that are still being assembled: it would test those in C#.
        else if (SimdBackend.IsSupported(CpuTier.Assembled))
        {
            foreach (var kind in TileKinds.All)
                if (kind.IsSupported() && TileKernels.Wait(kind) is null)
                    return new("SIMD Assembled", "executable memory is refused", () => []);
        }
        return Simd(CpuTier.Assembled);
    }

    private static Device Simd512InSoftware()
    {
        static Backend Create(int threads) => new SimdBackend<Lanes512>(CpuTier.Avx512, threads);
        return new("SIMD Avx512 in software", null, () => [Create(1), Create(2), Create(3)]) { IsOnHost = true, MaxCost = 300_000 };
    }

    private static Device FindCuda()
    {
        var backend = GpuBackend.TryCreateCuda(0, out var reason);
        return new("CUDA", backend is null ? reason : null, () => [backend!]);
    }
}

/// <summary>Stops the devices when the last test is over.</summary>
public sealed class DeviceLifetime : IDisposable
{
    public void Dispose()
    {
        foreach (var device in Devices.All.Append(Devices.Assembled)) device.Release();
    }
}
