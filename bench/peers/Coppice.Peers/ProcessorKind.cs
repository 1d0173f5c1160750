using System.Globalization;

namespace Coppice.Peers;

/// <summary>The processor that a comparison ran on, from Linux's /proc/cpuinfo.</summary>
/// <param name="Name">As the processor calls itself; empty where it is not known.</param>
/// <param name="Kind">A short name for folders: maker's line, microarchitecture and processors, such as epyc-zen5-2core.</param>
internal sealed record ProcessorKind(string Name, string Kind)
{
    private const string File = "/proc/cpuinfo";

    /// <summary>This machine's.</summary>
    public static ProcessorKind Here() =>
        Parse(System.IO.File.Exists(File) ? System.IO.File.ReadAllText(File) : "", Environment.ProcessorCount);

    /// <summary>The one that <paramref name="text"/> describes, with this number of processors.</summary>
    public static ProcessorKind Parse(string text, int processors)
    {
        var fields = new Dictionary<string, string>();
        foreach (var parts in text.Split('\n').Select(line => line.Split(':', 2)).Where(parts => parts.Length == 2))
            fields.TryAdd(parts[0].Trim(), parts[1].Trim());
        var name = fields.GetValueOrDefault("model name") ?? "";
        var line = ((string[])["epyc", "ryzen", "xeon", "core"])
            .FirstOrDefault(word => name.Contains(word, StringComparison.OrdinalIgnoreCase)) ?? "processor";
        var architecture = fields.GetValueOrDefault("vendor_id") == "AuthenticAMD"
            ? Zen(Number(fields, "cpu family"), Number(fields, "model")) : null;
        var middle = architecture
            ?? string.Create(CultureInfo.InvariantCulture, $"family{Number(fields, "cpu family")}-model{Number(fields, "model")}");
        return new ProcessorKind(name, string.Create(CultureInfo.InvariantCulture, $"{line}-{middle}-{processors}core"));
    }

    /// <summary>AMD's generations by CPUID, as Linux tells them apart (arch/x86/kernel/cpu/amd.c); null for others.</summary>
    private static string? Zen(int family, int model) => (family, model) switch
    {
        (0x17, < 0x30 or (>= 0x50 and < 0x60)) => "zen1",
        (0x17, < 0x50 or (>= 0x60 and < 0x80) or (>= 0x90 and < 0x92) or (>= 0xa0 and < 0xb0)) => "zen2",
        (0x19, < 0x10 or (>= 0x20 and < 0x60)) => "zen3",
        (0x19, < 0x20 or (>= 0x60 and < 0xb0)) => "zen4",
        (0x1a, < 0x30 or (>= 0x40 and < 0x50) or (>= 0x60 and < 0x80)) => "zen5",
        _ => null,
    };

    private static int Number(Dictionary<string, string> fields, string key) =>
        int.TryParse(fields.GetValueOrDefault(key), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
