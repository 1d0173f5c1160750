namespace Coppice.Kernels.Tests.Reference;

/// <summary>Bits in order, the lowest of a byte first: read, or written, by the same visits.</summary>
internal sealed class ChunkBits(byte[] bytes, bool writes)
{
    private readonly List<byte> _bytes = [.. bytes];
    private long _at;

    /// <summary>Whether bits are written.</summary>
    public bool Writes => writes;

    /// <summary>The next bit.</summary>
    public long At
    {
        get => _at;
        set => _at = value;
    }

    public byte[] ToArray() => [.. _bytes];

    /// <summary>Writes <paramref name="value"/> and returns it, or returns what is read.</summary>
    public int Bits(int value, int count)
    {
        var read = 0;
        for (var i = 0; i < count; i++, _at++)
        {
            var (index, bit) = ((int)(_at / 8), (int)(_at % 8));
            if (writes)
            {
                if (index == _bytes.Count) _bytes.Add(0);
                _bytes[index] |= (byte)((value >> i & 1) << bit);
            }
            else read |= (_bytes[index] >> bit & 1) << i;
        }
        return writes ? value : read;
    }

    /// <summary>An F16, rounded to nearest even.</summary>
    public double Half(double value) =>
        SmallFloat.Binary16.Decode((ushort)Bits(SmallFloat.Binary16.Encode(Math.Clamp(value, -65504, 65504)), 16));

    /// <summary>A signed byte.</summary>
    public double SignedByte(double value) =>
        (sbyte)Bits((byte)(sbyte)(double.IsFinite(value) ? Math.Clamp(Math.Round(value), -127, 127) : 0), 8);

    /// <summary>Zeros up to the next 32-bit word; zeros must be there.</summary>
    public void FillWord()
    {
        while (_at % 32 != 0)
            if (Bits(0, 1) != 0) throw new InvalidDataException($"bit {_at - 1} after the last code of a run must be 0");
    }
}
