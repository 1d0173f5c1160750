namespace Coppice.Weights;

/// <summary>One tensor of a safetensors file: name, type, extents and where its bytes lie in the data.</summary>
internal sealed record SafetensorsEntry(string Name, SafetensorsType Type, long[] Shape, long Begin, long End)
{
    /// <summary>Bytes of the tensor.</summary>
    public long Bytes => End - Begin;

    /// <summary>Extents as in messages: [49152, 576].</summary>
    public string ShapeText => $"[{string.Join(", ", Shape)}]";

    /// <summary>Bytes of a tensor of that type and shape, or false where the product leaves 63 bits.</summary>
    public static bool TryBytes(SafetensorsType type, ReadOnlySpan<long> shape, out long bytes)
    {
        bytes = type.Bytes();
        foreach (var extent in shape)
        {
            var product = Math.BigMul(bytes, extent, out var low);
            if (product != 0 || low < 0) return false;
            bytes = low;
        }
        return true;
    }
}
