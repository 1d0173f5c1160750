using Coppice.Kernels;

namespace Coppice.Loading;

/// <summary>From the name of a device to its back end: the one place outside the kernels that names any.</summary>
internal static class DeviceFactory
{
    private const string Names = "auto, cpu, cuda, cuda:N, ilgpu-cpu";

    /// <summary>Creates the back end called <paramref name="device"/>.</summary>
    /// <param name="device">auto is the first GPU, or the CPU where there is none.</param>
    /// <param name="threads">Threads of the CPU back end, 0 for as many as the machine has.</param>
    /// <param name="tier">Vector registers of the CPU back end, null for the widest there are.</param>
    /// <exception cref="ArgumentException">There is no device of that name.</exception>
    /// <exception cref="PlatformNotSupportedException">The device, or the tier, is not on this machine.</exception>
    public static Backend Create(string device, int threads, CpuTier? tier = null)
    {
        switch (device)
        {
            case "cpu": return SimdBackend.Create(threads, tier);
            case "ilgpu-cpu": return GpuBackend.CreateCpuAccelerator();
            case "auto": return GpuBackend.TryCreateCuda(0, out _) ?? (Backend)SimdBackend.Create(threads, tier);
        }
        var (name, index) = device.Split(':') is [var first, var second] ? (first, second) : (device, "0");
        if (name != "cuda" || !ushort.TryParse(index, out var number))
            throw new ArgumentException($"device: must be one of {Names}, got \"{device}\".", nameof(device));
        return GpuBackend.TryCreateCuda(number, out var reason)
            ?? throw new PlatformNotSupportedException($"device: {device} cannot be used: {reason}.");
    }

    /// <summary>Threads of a CPU back end; null for any other device.</summary>
    public static int? CpuThreads(Backend backend) => (backend as SimdBackend)?.Threads;
}
