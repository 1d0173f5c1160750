using System.Runtime.InteropServices;
using Coppice.Weights;

namespace Coppice.Tests.Support;

/// <summary>Expected values of a golden.safetensors file.</summary>
internal sealed class Golden : IDisposable
{
    private readonly SafetensorsFile _file;

    public Golden(string folder, string file = "golden.safetensors") => _file = SafetensorsFile.Open(Path.Combine(folder, file));

    /// <summary>The cases that have prompts, by the name after "ids.".</summary>
    public IEnumerable<string> Cases =>
        _file.Tensors.Keys.Where(k => k.StartsWith("ids.", StringComparison.Ordinal)).Select(k => k[4..]).Order();

    public bool Has(string name) => _file.Tensors.ContainsKey(name);

    public int[] Ids(string name) => [.. MemoryMarshal.Cast<byte, long>(_file.Bytes(_file.Tensors[name])).ToArray().Select(i => (int)i)];

    public float[] Floats(string name) => MemoryMarshal.Cast<byte, float>(_file.Bytes(_file.Tensors[name])).ToArray();

    public void Dispose() => _file.Dispose();
}
