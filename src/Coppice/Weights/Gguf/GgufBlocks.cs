using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Coppice.Kernels.Numerics;

namespace Coppice.Weights.Gguf;

/// <summary>Turns F32 elements into the bytes of a GGUF type.</summary>
/// <remarks>The blocks are those of ggml's reference quantisers (ggml-quants.c), operation by operation in F32, so that the bytes are the
/// same.</remarks>
internal static class GgufBlocks
{
    private const int Group = GgufTypes.Group;

    /// <summary>
    /// Writes <paramref name="source"/>, whole blocks of finite elements no larger than the type holds, to <paramref name="target"/>.
    /// </summary>
    public static void Encode(GgufType type, ReadOnlySpan<float> source, Span<byte> target)
    {
        switch (type)
        {
            case GgufType.F32:
                MemoryMarshal.AsBytes(source).CopyTo(target);
                break;
            case GgufType.F16:
                TensorPrimitives.ConvertToHalf(source, MemoryMarshal.Cast<byte, Half>(target));
                break;
            case GgufType.BF16:
                var upper = MemoryMarshal.Cast<byte, ushort>(target);
                for (var i = 0; i < source.Length; i++) upper[i] = BFloat16.FromSingle(source[i]);
                break;
            case GgufType.Q8:
                for (var i = 0; i < source.Length; i += Group) Eight(source.Slice(i, Group), Block(target, i, 2 + Group));
                break;
            default:
                for (var i = 0; i < source.Length; i += Group) Four(source.Slice(i, Group), Block(target, i, 2 + Group / 2));
                break;
        }
    }

    /// <summary>The block of <paramref name="bytes"/> bytes that holds element <paramref name="element"/>.</summary>
    private static Span<byte> Block(Span<byte> target, int element, int bytes) => target.Slice(element / Group * bytes, bytes);

    /// <summary>q = round(x / d), d = max|x| / 127: the scale as F16, then 32 signed bytes.</summary>
    private static void Eight(ReadOnlySpan<float> x, Span<byte> block)
    {
        var scale = Math.Abs(TensorPrimitives.MaxMagnitude(x)) / 127;
        var inverse = Inverse(scale);
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)scale);
        for (var i = 0; i < Group; i++) block[2 + i] = (byte)(sbyte)MathF.Round(x[i] * inverse, MidpointRounding.AwayFromZero);
    }

    /// <summary>
    /// q = min(⌊x / d + 8.5⌋, 15), d = m / -8 with m the element of largest magnitude, the first of several: the scale as F16, then bytes
    /// of elements i and i + 16, the earlier in the lower half.
    /// </summary>
    private static void Four(ReadOnlySpan<float> x, Span<byte> block)
    {
        var extreme = 0f;
        foreach (var element in x)
        {
            if (Math.Abs(element) > Math.Abs(extreme)) extreme = element;
        }
        var scale = extreme / -8;
        var inverse = Inverse(scale);
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)scale);
        for (var i = 0; i < Group / 2; i++)
        {
            var (low, high) = (Level(x[i] * inverse), Level(x[i + Group / 2] * inverse));
            block[2 + i] = (byte)(low | high << 4);
        }

        static int Level(float multiple) => Math.Min((int)(multiple + 8.5f), 15);
    }

    /// <summary>1 / scale, or 0 where the scale vanishes in F16 anyway.</summary>
    private static float Inverse(float scale) => float.IsFinite(1 / scale) ? 1 / scale : 0;
}
