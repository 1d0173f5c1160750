using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;

namespace Coppice.Fuzz;

/// <summary>A file with the input that is being read: what is left when the process ends without an exception, or hangs.</summary>
internal sealed class LastInput : IDisposable
{
    private const int Capacity = 1 << 17;

    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewStream _view;

    /// <summary>Makes the file: 4 bytes of length, little-endian, and the input.</summary>
    public LastInput(string path)
    {
        _map = MemoryMappedFile.CreateFromFile(path, FileMode.Create, null, Capacity);
        _view = _map.CreateViewStream();
    }

    /// <summary>Keeps <paramref name="input"/>, cut where it is too long.</summary>
    public void Set(byte[] input)
    {
        Span<byte> length = stackalloc byte[sizeof(int)];
        var count = Math.Min(input.Length, Capacity - sizeof(int));
        BinaryPrimitives.WriteInt32LittleEndian(length, count);
        _view.Position = 0;
        _view.Write(length);
        _view.Write(input, 0, count);
    }

    public void Dispose()
    {
        _view.Dispose();
        _map.Dispose();
    }
}
