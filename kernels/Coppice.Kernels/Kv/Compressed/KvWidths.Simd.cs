namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    private sealed partial class CompressJob
    {
        private readonly ref partial struct HeadPart
        {
            /// <summary>Bits of a code at most: a width is half a byte.</summary>
            private const int MostBits = 8;

            private byte* Widths => _chunk + _layout.KeyWidths + (long)_head * KvPartLayout.HeadWidthBytes(HeadDim);

            /// <summary>Codes of channels that have as many bits as their range asks for.</summary>
            private void EncodeByRange()
            {
                new Span<byte>(Widths, KvPartLayout.HeadWidthBytes(HeadDim)).Clear();
                Span<byte> widths = stackalloc byte[HeadDim];
                FindWidths(widths);
                for (var run = 0; run < HeadDim; run++) Widths[run / 2] |= (byte)(widths[run] << run % 2 * 4);
                if (_part.ScalesAreBytes) FindBounds();
                var target = _chunk + _layout.KeyCodes + _part.BytesBefore(_head);
                for (var run = 0; run < HeadDim; run++)
                {
                    ScaleRun(run, widths[run]);
                    Encode(run, widths[run]);
                    target = PackWhole(widths[run], target);
                }
            }

            /// <summary>
            /// One bit for each channel, then one after another to the channel whose squared error, range² / (2^bits - 1)², times its
            /// weight falls most; of equals the first.
            /// </summary>
            private void FindWidths(Span<byte> widths)
            {
                float* squares = Minima, gains = Scales;
                var weights = _part.Weights is { } some ? some.Of(_head) : default;
                for (var run = 0; run < HeadDim; run++)
                {
                    var square = 0f;
                    for (var begin = 0; begin < Tokens; begin += _part.GroupSize)
                    {
                        var count = Collect(run, begin, Math.Min(Tokens, begin + _part.GroupSize));
                        if (count == 0) continue;
                        var (smallest, largest) = FindRange(Group, count);
                        square += (largest - smallest) * (largest - smallest);
                    }
                    if (!weights.IsEmpty) square *= weights[run];
                    (squares[run], widths[run]) = (square, 1);
                    gains[run] = Gain(square, 1);
                }
                for (var bit = HeadDim; bit < _part.HeadBits(_head); bit++)
                {
                    var best = 0;
                    for (var run = 1; run < HeadDim; run++)
                        if (gains[run] > gains[best]) best = run;
                    widths[best]++;
                    gains[best] = Gain(squares[best], widths[best]);
                }
            }

            /// <summary>What one more bit takes off the error; nothing can be added to the widest.</summary>
            private static float Gain(float square, int bits)
            {
                if (bits == MostBits) return -1f;
                float steps = (1 << bits) - 1, more = (2 << bits) - 1;
                return square / (steps * steps) - square / (more * more);
            }
        }
    }
}
