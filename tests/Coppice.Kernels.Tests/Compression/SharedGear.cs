using System.Runtime.InteropServices;
using System.Text.Json;
using Xunit;

namespace Coppice.Kernels.Tests.Compression;

/// <summary>
/// Keys, values and queries of a model with what the method gives on them, computed outside: golden/gear of the shared folder.
/// </summary>
internal static class SharedGear
{
    private static readonly Lazy<(JsonElement Header, byte[] Data)?> Tensors = new(ReadTensors);
    private static readonly Lazy<JsonElement> Golden = new(() => JsonDocument.Parse(File.ReadAllText(Path("golden.json")!)).RootElement);

    /// <summary>Skips the test where the folder is missing.</summary>
    public static void Require()
    {
        if (Path("kv.safetensors") is null) Assert.Skip("needs golden/gear of the shared folder (set COPPICE_SHARED to it)");
    }

    /// <summary>Rows of golden.json: one for each layer, chunk and setting.</summary>
    public static IEnumerable<JsonElement> Records => Golden.Value.GetProperty("records").EnumerateArray();

    /// <summary>The elements of a tensor in the file's order.</summary>
    public static T[] Read<T>(string name) where T : unmanaged
    {
        var (header, data) = Tensors.Value!.Value;
        var offsets = header.GetProperty(name).GetProperty("data_offsets");
        return MemoryMarshal.Cast<byte, T>(data.AsSpan(offsets[0].GetInt32()..offsets[1].GetInt32())).ToArray();
    }

    /// <summary>Tokens <paramref name="first"/> on of a [heads, 320, 64] tensor as [tokens, heads, 64].</summary>
    public static float[] Tokens(string name, int first, int count)
    {
        var all = Read<float>(name);
        var rows = new float[count * 3 * 64];
        for (var t = 0; t < count; t++)
            for (var i = 0; i < 3 * 64; i++) rows[t * 192 + i] = all[(i / 64 * 320 + first + t) * 64 + i % 64];
        return rows;
    }

    private static (JsonElement, byte[])? ReadTensors()
    {
        var bytes = File.ReadAllBytes(Path("kv.safetensors")!);
        var length = (int)BitConverter.ToUInt64(bytes);
        return (JsonDocument.Parse(bytes.AsMemory(8, length)).RootElement, bytes[(8 + length)..]);
    }

    private static string? Path(string file)
    {
        var named = Environment.GetEnvironmentVariable("COPPICE_SHARED");
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = System.IO.Path.GetDirectoryName(folder))
        {
            var shared = named is { Length: > 0 } ? named : System.IO.Path.Combine(folder, "shared");
            var path = System.IO.Path.Combine(shared, "golden", "gear", file);
            if (File.Exists(path)) return path;
        }
        return null;
    }
}
