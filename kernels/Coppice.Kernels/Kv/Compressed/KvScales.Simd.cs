using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>The largest finite F16: what is larger is stored as this.</summary>
    private const float LargestHalf = 65504f;

    private static ushort ToHalf(float value) =>
        BitConverter.HalfToUInt16Bits((Half)Math.Clamp(value, -LargestHalf, LargestHalf));

    private static float ToSingle(ushort half) => (float)BitConverter.UInt16BitsToHalf(half);

    private sealed partial class CompressJob
    {
        /// <summary>x ≈ scale · code + minimum, both rounded to F16 already.</summary>
        private readonly record struct GroupScale(float Minimum, float Scale);

        /// <summary>The scale of a group of elements that are neither outliers nor exact; zeros where there are none.</summary>
        [MethodImpl(Compiled.Alone)]
        private static GroupScale FindScale(float* elements, int count, KvPartLayout part, int bits)
        {
            if (count == 0) return default;
            var (smallest, largest) = FindRange(elements, count);
            if (!part.HasMinimum) return Symmetric(smallest, largest, bits);
            var scale = Rounded((largest - smallest) / ((1 << bits) - 1));
            var found = new GroupScale(Rounded(smallest), scale);
            return part.Range == KvRange.Fitted ? Fit(elements, count, bits, found) : found;
        }

        /// <summary>The smallest and the largest of some elements.</summary>
        [MethodImpl(Compiled.Alone)]
        private static (float Smallest, float Largest) FindRange(float* elements, int count)
        {
            TLanes low = TLanes.Broadcast(float.PositiveInfinity), high = TLanes.Broadcast(float.NegativeInfinity);
            for (var i = 0; i < count; i += Lanes)
            {
                low = TLanes.Min(LoadUpTo(elements + i, count - i, float.PositiveInfinity), low);
                high = TLanes.Max(LoadUpTo(elements + i, count - i, float.NegativeInfinity), high);
            }
            return (-TLanes.Largest(TLanes.Subtract(TLanes.Zero, low)), TLanes.Largest(high));
        }

        /// <summary>
        /// Blocks as ggml has them: 8 bits reach the largest magnitude at code ±127; fewer bits reach the element that has it at the lowest
        /// code, so that the scale may be negative.
        /// </summary>
        private static GroupScale Symmetric(float smallest, float largest, int bits)
        {
            var middle = 1 << bits - 1;
            var end = largest >= -smallest ? largest : smallest;
            var scale = Rounded(bits == 8 ? MathF.Abs(end) / (middle - 1) : -end / middle);
            return new GroupScale(-middle * scale, scale);
        }

        private static float Rounded(float value) => ToSingle(ToHalf(value));

        /// <summary>
        /// Minimum and scale by least squares for the codes that they give, in turn, while the squared error falls.
        /// </summary>
        [MethodImpl(Compiled.Alone)]
        private static GroupScale Fit(float* elements, int count, int bits, GroupScale start)
        {
            const int mostTurns = 6;
            var (best, least) = (start, float.PositiveInfinity);
            var trial = start;
            TLanes top = TLanes.Broadcast((1 << bits) - 1);
            for (var turn = 0; turn <= mostTurns && trial.Scale > 0f; turn++)
            {
                TLanes minimum = TLanes.Broadcast(trial.Minimum), scale = TLanes.Broadcast(trial.Scale);
                TLanes codes = TLanes.Zero, squares = TLanes.Zero, products = TLanes.Zero, total = TLanes.Zero, error = TLanes.Zero;
                for (var i = 0; i < count; i += Lanes)
                {
                    // What is beyond the last element has distance, code and error 0.
                    var x = TLanes.Subtract(LoadUpTo(elements + i, count - i, trial.Minimum), minimum);
                    var c = TLanes.Min(TLanes.Max(TLanes.Round(TLanes.Divide(x, scale)), TLanes.Zero), top);
                    var rest = TLanes.Subtract(x, TLanes.Multiply(scale, c));
                    codes = TLanes.Add(codes, c);
                    squares = TLanes.FusedMultiplyAdd(c, c, squares);
                    products = TLanes.FusedMultiplyAdd(x, c, products);
                    total = TLanes.Add(total, x);
                    error = TLanes.FusedMultiplyAdd(rest, rest, error);
                }
                var squared = TLanes.Sum(error);
                if (!(squared < least)) break;
                (best, least) = (trial, squared);
                float n = count, sumCodes = TLanes.Sum(codes), sum = TLanes.Sum(total);
                var spread = n * TLanes.Sum(squares) - sumCodes * sumCodes;
                if (!(spread > 0f)) break;
                var fitted = (n * TLanes.Sum(products) - sum * sumCodes) / spread;
                trial = new GroupScale(Rounded(trial.Minimum + (sum - fitted * sumCodes) / n), Rounded(fitted));
            }
            return best;
        }

        private readonly ref partial struct HeadPart
        {
            /// <summary>
            /// Finds the scale of the <paramref name="count"/> collected elements and stores it at <paramref name="at"/>.
            /// </summary>
            /// <returns>What is stored.</returns>
            private GroupScale ScaleOf(int count, int bits, long at)
            {
                if (_part.ScalesAreBytes) return ByteScaleOf(count, bits, at);
                var scale = FindScale(Group, count, _part, bits);
                if (_part.HasMinimum) StoredScales[at] = ToHalf(scale.Minimum);
                StoredScales[(_part.HasMinimum ? _part.ScaleCount : 0) + at] = ToHalf(scale.Scale);
                return scale;
            }

            private void Expand(GroupScale scale, int begin, int end)
            {
                new Span<float>(Minima + begin, end - begin).Fill(scale.Minimum);
                new Span<float>(Scales + begin, end - begin).Fill(scale.Scale);
                new Span<float>(Divisors + begin, end - begin).Fill(DivisorOf(scale));
            }

            /// <summary>Everything over infinity is code 0.</summary>
            private static float DivisorOf(GroupScale scale) => scale.Scale == 0f ? float.PositiveInfinity : scale.Scale;

            /// <summary>Keys whose groups lie across the runs: some channels of a token.</summary>
            private void EncodeAcross()
            {
                for (var group = 0; group < _part.Groups; group++)
                {
                    var begin = group * _part.GroupSize;
                    for (var token = 0; token < Tokens; token++)
                    {
                        var count = CollectAcross(token, begin, begin + _part.GroupSize);
                        Expand(ScaleOf(count, _part.Bits, ((long)_head * _part.Groups + group) * Tokens + token), token, token + 1);
                    }
                    for (var d = begin; d < begin + _part.GroupSize; d++)
                    {
                        Encode(d, _part.Bits);
                        Pack(d);
                    }
                }
            }

            private int CollectAcross(int token, int begin, int end)
            {
                if (token < Exact) return 0;
                var each = 2 * _part.Outliers;
                var positions = Positions + (long)token * each;
                var count = 0;
                var i = 0;
                for (var d = begin; d < end; d++)
                {
                    while (i < each && positions[i] < _head * HeadDim + d) i++;
                    if (i < each && positions[i] == _head * HeadDim + d) continue;
                    Group[count++] = Run(d)[token];
                }
                return count;
            }

            /// <summary>Codes of a run with the scales of its lanes; what they leave takes the run's place.</summary>
            [MethodImpl(Compiled.Alone)]
            private void Encode(int run, int bits)
            {
                var row = Run(run);
                var codes = Codes;
                TLanes top = TLanes.Broadcast((1 << bits) - 1), middle = TLanes.Broadcast(128f);
                var length = _part.RunLength;
                for (var i = 0; i < length; i += Lanes)
                {
                    TLanes x = TLanes.Load(row + i), minimum = TLanes.Load(Minima + i);
                    var c = TLanes.Round(TLanes.Divide(TLanes.Subtract(x, minimum), TLanes.Load(Divisors + i)));
                    c = TLanes.Min(TLanes.Max(c, TLanes.Zero), top);
                    TLanes.StoreBytes(TLanes.Subtract(c, middle), (sbyte*)codes + i);
                    if (NeedsRest) TLanes.Store(TLanes.Subtract(x, TLanes.FusedMultiplyAdd(TLanes.Load(Scales + i), c, minimum)), row + i);
                }
                for (var i = 0; i < length; i++) codes[i] ^= 0x80;
                new Span<byte>(codes + length, (length + 63) / 64 * 64 - length).Clear();
            }

            private void Pack(int run)
            {
                var start = _chunk + (_part.IsKeys ? _layout.KeyCodes : _layout.ValueCodes);
                for (int plane = 0, shift = 0; plane < KvChunkLayout.Planes(_part.Bits); plane++)
                {
                    var bits = KvChunkLayout.PlaneBits(_part.Bits, plane);
                    var bytes = 4 * KvChunkLayout.Words(_part.RunLength, bits);
                    PackPlane(bits, shift, bytes, start + ((long)_head * _part.Runs + run) * bytes);
                    start += (long)_layout.KvHeads * _part.Runs * bytes;
                    shift += bits;
                }
            }

            /// <summary>The planes of a run of some width one after another; returns where the next run begins.</summary>
            private byte* PackWhole(int width, byte* target)
            {
                for (int plane = 0, shift = 0; plane < KvChunkLayout.Planes(width); plane++)
                {
                    var bits = KvChunkLayout.PlaneBits(width, plane);
                    var bytes = 4 * KvChunkLayout.Words(_part.RunLength, bits);
                    PackPlane(bits, shift, bytes, target);
                    target += bytes;
                    shift += bits;
                }
                return target;
            }

            private void PackPlane(int bits, int shift, int bytes, byte* target)
            {
                for (var i = 0; i * bits < bytes; i++)
                {
                    var packed = PackEight(((ulong*)Codes)[i] >> shift, bits);
                    for (var b = 0; b < bits && i * bits + b < bytes; b++) target[i * bits + b] = (byte)(packed >> 8 * b);
                }
            }

            /// <summary>The lowest bits of eight bytes, side by side.</summary>
            private static ulong PackEight(ulong eight, int bits)
            {
                if (bits == 8) return eight;
                eight &= 0x0101010101010101ul * ((1ul << bits) - 1);
                eight = (eight | eight >> 8 - bits) & 0x0001000100010001ul * ((1ul << 2 * bits) - 1);
                eight = (eight | eight >> 16 - 2 * bits) & 0x0000000100000001ul * ((1ul << 4 * bits) - 1);
                return (eight | eight >> 32 - 4 * bits) & ((1ul << 8 * bits) - 1);
            }
        }
    }
}
