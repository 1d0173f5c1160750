using Coppice.Ptx.Execution;
using Coppice.Ptx.Reports;

namespace Coppice.Ptx.Ops;

/// <summary>What the requests of a warp cost: sectors of global memory, passes over the banks of shared memory.</summary>
internal static class Traffic
{
    private const int Sector = 32, Banks = 32, Word = 4;

    /// <summary>Sectors that <paramref name="addresses"/> touch, against those that their bytes would fill.</summary>
    public static void CountSectors(Span<long> addresses, int bytes, InstructionCount into)
    {
        addresses.Sort();
        long sectors = 0, distinct = 0, lastSector = -1, end = long.MinValue;
        foreach (var address in addresses)
        {
            for (var sector = Math.Max(address / Sector, lastSector + 1); sector <= (address + bytes - 1) / Sector; sector++)
            {
                sectors++;
                lastSector = sector;
            }
            distinct += address + bytes - Math.Max(address, Math.Min(end, address + bytes));
            end = Math.Max(end, address + bytes);
        }
        into.Sectors += sectors;
        into.LeastSectors += (distinct + Sector - 1) / Sector;
        into.Bytes += distinct;
    }

    /// <summary>
    /// Passes that a request takes: as many as the most different words of one bank. 8 bytes a lane go by halves of a warp, 16 by quarters.
    /// </summary>
    public static void CountWavefronts(ReadOnlySpan<long> addresses, int bytes, InstructionCount into)
    {
        var parts = Math.Max(1, bytes / Word);
        var lanes = Warp.Lanes / parts;
        Span<long> words = stackalloc long[Warp.Lanes];
        Span<int> perBank = stackalloc int[Banks];
        for (var first = 0; first < addresses.Length; first += lanes)
        {
            var count = 0;
            foreach (var address in addresses[first..Math.Min(first + lanes, addresses.Length)])
                for (var part = 0; part < parts; part++) words[count++] = address / Word + part;
            words[..count].Sort();
            perBank.Clear();
            int most = 0, distinct = 0;
            for (var i = 0; i < count; i++)
            {
                if (i > 0 && words[i] == words[i - 1]) continue;
                distinct++;
                most = Math.Max(most, ++perBank[(int)(words[i] % Banks)]);
            }
            into.Wavefronts += most;
            into.LeastWavefronts += (distinct + Banks - 1) / Banks;
        }
    }
}
