using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Coppice.Weights.Gguf;

/// <summary>The keys and values of a GGUF file, in the order they were set, as the bytes that stand in the file.</summary>
internal sealed class GgufMetadata
{
    private const uint UInt32 = 4, Int32 = 5, Float32 = 6, Boolean = 7, Text = 8, Array = 9;

    private readonly ArrayBufferWriter<byte> _bytes = new();
    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);

    /// <summary>Keys set so far.</summary>
    public int Count => _keys.Count;

    /// <summary>All keys and values as they stand in a file.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes.WrittenSpan;

    public void Set(string key, uint value) => Write(Key(key, UInt32), value);

    public void Set(string key, float value) => Write(Key(key, Float32), BitConverter.SingleToUInt32Bits(value));

    public void Set(string key, bool value) => Key(key, Boolean).Write([value ? (byte)1 : (byte)0]);

    public void Set(string key, string value) => Write(Key(key, Text), value);

    public void Set(string key, IReadOnlyList<string> values)
    {
        var bytes = Elements(key, Text, values.Count);
        foreach (var value in values) Write(bytes, value);
    }

    public void Set(string key, IReadOnlyList<int> values)
    {
        var bytes = Elements(key, Int32, values.Count);
        foreach (var value in values) Write(bytes, (uint)value);
    }

    /// <summary>Appends <paramref name="text"/> as the format writes it: its length in bytes, then UTF-8.</summary>
    public static void Write(IBufferWriter<byte> bytes, string text)
    {
        Write(bytes, (ulong)Encoding.UTF8.GetByteCount(text));
        Encoding.UTF8.GetBytes(text, bytes);
    }

    /// <summary>Appends four bytes.</summary>
    public static void Write(IBufferWriter<byte> bytes, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.GetSpan(4), value);
        bytes.Advance(4);
    }

    /// <summary>Appends eight bytes.</summary>
    public static void Write(IBufferWriter<byte> bytes, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.GetSpan(8), value);
        bytes.Advance(8);
    }

    private ArrayBufferWriter<byte> Elements(string key, uint type, int count)
    {
        var bytes = Key(key, Array);
        Write(bytes, type);
        Write(bytes, (ulong)count);
        return bytes;
    }

    private ArrayBufferWriter<byte> Key(string key, uint type)
    {
        if (!_keys.Add(key)) throw new ArgumentException($"gguf: key {key} must be set once.", nameof(key));
        Write(_bytes, key);
        Write(_bytes, type);
        return _bytes;
    }
}
