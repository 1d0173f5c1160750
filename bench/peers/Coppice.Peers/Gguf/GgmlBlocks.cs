using System.Buffers.Binary;

namespace Coppice.Peers.Gguf;

/// <summary>Element types of ggml that this tool reads, with its numbers.</summary>
internal enum GgmlType { F32 = 0, F16 = 1, Q40 = 2, Q80 = 8, Q4K = 12, Q6K = 14, BF16 = 30 }

/// <summary>Turns the blocks of ggml's types into F32, as its reference (ggml-quants.c) describes them.</summary>
internal static class GgmlBlocks
{
    /// <summary>Elements and bytes of a block.</summary>
    private static (int Elements, int Bytes) Block(GgmlType type) => type switch
    {
        GgmlType.F32 => (1, 4),
        GgmlType.F16 or GgmlType.BF16 => (1, 2),
        GgmlType.Q40 => (32, 18),
        GgmlType.Q80 => (32, 34),
        GgmlType.Q4K => (256, 144),
        GgmlType.Q6K => (256, 210),
        _ => throw new InvalidDataException($"gguf: type {type} is not read by this tool."),
    };

    /// <summary>Bytes of a row of <paramref name="columns"/> elements.</summary>
    public static int RowBytes(this GgmlType type, long columns) => checked((int)(columns / Block(type).Elements * Block(type).Bytes));

    /// <summary>Decodes whole blocks.</summary>
    public static void Decode(GgmlType type, ReadOnlySpan<byte> source, Span<float> target)
    {
        var (elements, bytes) = Block(type);
        for (var block = 0; block < target.Length / elements; block++)
            DecodeBlock(type, source.Slice(block * bytes, bytes), target.Slice(block * elements, elements));
    }

    private static void DecodeBlock(GgmlType type, ReadOnlySpan<byte> b, Span<float> x)
    {
        switch (type)
        {
            case GgmlType.F32: x[0] = BinaryPrimitives.ReadSingleLittleEndian(b); break;
            case GgmlType.F16: x[0] = Half(b); break;
            case GgmlType.BF16: x[0] = BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(b) << 16); break;
            case GgmlType.Q80:
                for (var i = 0; i < 32; i++) x[i] = Half(b) * (sbyte)b[2 + i];
                break;
            case GgmlType.Q40:
                for (var i = 0; i < 16; i++) (x[i], x[i + 16]) = (Half(b) * ((b[2 + i] & 15) - 8), Half(b) * ((b[2 + i] >> 4) - 8));
                break;
            case GgmlType.Q4K: FourK(b, x); break;
            default: SixK(b, x); break;
        }
    }

    /// <summary>Eight groups of 32: x = d·s·q - m·t, with scales s and t of six bits.</summary>
    private static void FourK(ReadOnlySpan<byte> b, Span<float> x)
    {
        var (scale, minimum) = (Half(b), Half(b[2..]));
        var (packed, levels) = (4, 16);
        for (var group = 0; group < 8; group++)
        {
            var (s, t) = group < 4
                ? (b[packed + group] & 63, b[packed + group + 4] & 63)
                : ((b[packed + group + 4] & 15) | (b[packed + group - 4] >> 6 << 4),
                    (b[packed + group + 4] >> 4) | (b[packed + group] >> 6 << 4));
            for (var i = 0; i < 32; i++)
            {
                var level = b[levels + group / 2 * 32 + i] >> (group % 2 * 4) & 15;
                x[group * 32 + i] = scale * s * level - minimum * t;
            }
        }
    }

    /// <summary>Sixteen groups of 16: x = d·s·(q - 32), q of four low and two high bits.</summary>
    private static void SixK(ReadOnlySpan<byte> b, Span<float> x)
    {
        var scale = Half(b[208..]);
        for (var i = 0; i < 256; i++)
        {
            var (half, quarter, lane) = (i / 128, i % 128 / 32, i % 32);
            var low = b[half * 64 + quarter % 2 * 32 + lane] >> (quarter / 2 * 4) & 15;
            var high = b[128 + half * 32 + lane] >> (quarter * 2) & 3;
            x[i] = scale * (sbyte)b[192 + i / 16] * ((low | high << 4) - 32);
        }
    }

    private static float Half(ReadOnlySpan<byte> b) => (float)BinaryPrimitives.ReadHalfLittleEndian(b);
}
