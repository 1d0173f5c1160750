using System.Buffers.Binary;

namespace Coppice.Text.Files;

/// <summary>Reads the wire format of Protocol Buffers: numbered fields one after the other.</summary>
internal ref struct WireReader
{
    private readonly string _file;
    private ReadOnlySpan<byte> _rest;

    public WireReader(string file, ReadOnlySpan<byte> message)
    {
        _file = file;
        _rest = message;
    }

    /// <summary>The number of the current field.</summary>
    public int Field { get; private set; }

    /// <summary>The current field as an integer, for fields of the kind varint.</summary>
    public ulong Number { get; private set; }

    /// <summary>The current field as a single-precision number, for fields of four bytes.</summary>
    public float Single { get; private set; }

    /// <summary>The current field as bytes, for texts and messages.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    /// <summary>Goes to the next field; false at the end of the message.</summary>
    public bool Read()
    {
        if (_rest.IsEmpty) return false;
        var key = ReadVarint();
        Field = (int)Math.Min(key >> 3, int.MaxValue);
        switch (key & 7)
        {
            case 0:
                Number = ReadVarint();
                return true;
            case 1:
                Take(8);
                return true;
            case 2:
                Bytes = Take(ReadVarint());
                return true;
            case 5:
                Single = BinaryPrimitives.ReadSingleLittleEndian(Take(4));
                return true;
            default:
                throw Malformed();
        }
    }

    private ulong ReadVarint()
    {
        var number = 0ul;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var part = Take(1)[0];
            number |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80) return number;
        }
        throw Malformed();
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)_rest.Length) throw Malformed();
        var taken = _rest[..(int)count];
        _rest = _rest[(int)count..];
        return taken;
    }

    private readonly CheckpointException Malformed() =>
        new($"{_file}: must be a SentencePiece model (Protocol Buffers), found a field that is cut off or of an unknown kind.");
}
