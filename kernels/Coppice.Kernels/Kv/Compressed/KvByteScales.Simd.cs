namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    private sealed partial class CompressJob
    {
        /// <summary>What byte 0 stands for, and what a step adds.</summary>
        private readonly record struct ByteRange(float Base, float Step)
        {
            /// <summary>
            /// A range of 256 numbers from <paramref name="low"/>, or a little below, to <paramref name="high"/>, or above.
            /// </summary>
            internal static ByteRange Of(float low, float high)
            {
                if (!(low <= high)) return default;
                var first = Rounded(low);
                if (first > low) first = (float)Half.BitDecrement((Half)first);
                var step = (high - first) / 255f;
                var rounded = Rounded(step);
                return new ByteRange(first, rounded < step ? (float)Half.BitIncrement((Half)rounded) : rounded);
            }

            /// <summary>The byte whose number is at or below <paramref name="x"/>, at or above it, or nearest.</summary>
            internal byte At(float x, int direction)
            {
                if (Step == 0f) return 0;
                var place = (x - Base) / Step;
                place = direction < 0 ? MathF.Floor(place) : direction > 0 ? MathF.Ceiling(place) : MathF.Round(place);
                return (byte)Math.Clamp(place, 0f, 255f);
            }

            internal float this[byte place] => MathF.FusedMultiplyAdd(Step, place, Base);
        }

        private readonly ref partial struct HeadPart
        {
            /// <summary>F16 of the head: base and step of minima, then of scales.</summary>
            private ushort* Bounds => StoredScales + 4 * _head;
            private byte* ByteScales => (byte*)StoredScales + _layout.KvHeads * KvPartLayout.BoundBytes;

            /// <summary>Whether codes go from the smallest to the largest element, which rounding must not put out of reach.</summary>
            private bool Covers => _part.HasMinimum && _part.Range == KvRange.MinMax;

            /// <summary>Finds what bytes of the head's minima, then of its scales, stand for.</summary>
            private void FindBounds()
            {
                new Span<ushort>(Bounds, 4).Clear();
                if (_part.HasMinimum) StoreBounds(0);
                StoreBounds(1);
                if (_head > 0) return;
                var used = _layout.KvHeads * KvPartLayout.BoundBytes + (_part.HasMinimum ? 2 : 1) * _part.ScaleCount;
                new Span<byte>((byte*)StoredScales + used, _part.GroupBytes - used).Clear();
            }

            private void StoreBounds(int which)
            {
                float low = float.PositiveInfinity, high = float.NegativeInfinity;
                var isAcross = _part.IsKeys && !_part.AlongTokens;
                var runs = isAcross ? Tokens : _part.Runs;
                for (var run = 0; run < runs; run++)
                    for (var group = 0; group < _part.Groups; group++)
                    {
                        var (begin, end) = (group * _part.GroupSize, (group + 1) * _part.GroupSize);
                        var count = isAcross ? CollectAcross(run, begin, end) : Collect(run, begin, Math.Min(_part.RunLength, end));
                        if (count == 0) continue;
                        var bits = _part.ByRange ? Widths[run / 2] >> run % 2 * 4 & 15 : _part.Bits;
                        var (minimum, scale) = RawScale(count, bits);
                        var number = which == 0 ? minimum : scale;
                        (low, high) = (MathF.Min(low, number), MathF.Max(high, number));
                    }
                var range = ByteRange.Of(low, high);
                (Bounds[2 * which], Bounds[2 * which + 1]) = (ToHalf(range.Base), ToHalf(range.Step));
            }

            private ByteRange RangeOf(int which) => new(ToSingle(Bounds[2 * which]), ToSingle(Bounds[2 * which + 1]));

            /// <summary>
            /// Minimum and scale of the collected elements before they are rounded; the scale is what the rounded minimum, once its range
            /// is known, needs.
            /// </summary>
            private (float Minimum, float Scale) RawScale(int count, int bits)
            {
                if (!Covers)
                {
                    var found = FindScale(Group, count, _part, bits);
                    return (found.Minimum, found.Scale);
                }
                var (smallest, largest) = FindRange(Group, count);
                var minima = RangeOf(0);
                return (smallest, (largest - minima[minima.At(smallest, -1)]) / ((1 << bits) - 1));
            }

            private GroupScale ByteScaleOf(int count, int bits, long at)
            {
                ByteRange minima = RangeOf(0), scales = RangeOf(1);
                var (minimum, scale) = count == 0 ? (minima.Base, scales.Base) : RawScale(count, bits);
                byte m = minima.At(minimum, Covers ? -1 : 0), s = scales.At(scale, Covers ? 1 : 0);
                if (_part.HasMinimum) ByteScales[at] = m;
                ByteScales[(_part.HasMinimum ? _part.ScaleCount : 0) + at] = s;
                return _part.HasMinimum ? new GroupScale(minima[m], scales[s])
                    : new GroupScale(-(1 << _part.Bits - 1) * scales[s], scales[s]);
            }
        }
    }
}
