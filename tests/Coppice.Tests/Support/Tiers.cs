using Coppice.Kernels;

namespace Coppice.Tests.Support;

/// <summary>The vector registers of this machine.</summary>
internal static class Tiers
{
    public static IReadOnlyList<CpuTier> All { get; } = [.. Enum.GetValues<CpuTier>().Where(Has)];

    public static bool Has(CpuTier tier)
    {
        try
        {
            SimdBackend.Create(1, tier).Dispose();
            return true;
        }
        catch (PlatformNotSupportedException)
        {
            return false;
        }
    }
}
