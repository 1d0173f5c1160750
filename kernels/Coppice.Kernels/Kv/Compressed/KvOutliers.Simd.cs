using System.Numerics;
using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    private sealed partial class CompressJob
    {
        /// <summary>
        /// The <paramref name="count"/> smallest elements, then the largest of the others; of equals the first. Positions ascend.
        /// </summary>
        private static void SelectOutliers(float* elements, int length, int count, ushort* positions)
        {
            Span<float> taken = stackalloc float[2 * count];
            for (var i = 0; i < count; i++) positions[i] = Take(elements, Smallest(elements, length), out taken[i], float.PositiveInfinity);
            for (var i = 0; i < count; i++) elements[positions[i]] = float.NegativeInfinity;
            for (var i = count; i < 2 * count; i++)
                positions[i] = Take(elements, Largest(elements, length), out taken[i], float.NegativeInfinity);
            for (var i = 0; i < 2 * count; i++) elements[positions[i]] = taken[i];
            new Span<ushort>(positions, 2 * count).Sort();
        }

        private static ushort Take(float* elements, int position, out float element, float mark)
        {
            element = elements[position];
            elements[position] = mark;
            return (ushort)position;
        }

        [MethodImpl(Compiled.Alone)]
        private static int Smallest(float* elements, int length)
        {
            var least = TLanes.Broadcast(float.PositiveInfinity);
            for (var i = 0; i < length; i += Lanes) least = TLanes.Min(LoadUpTo(elements + i, length - i, float.PositiveInfinity), least);
            least = TLanes.Broadcast(-TLanes.Largest(TLanes.Subtract(TLanes.Zero, least)));
            for (var i = 0; i < length; i += Lanes)
            {
                var found = TLanes.NotLess(least, LoadUpTo(elements + i, length - i, float.PositiveInfinity));
                if (found != 0) return Math.Min(i + BitOperations.TrailingZeroCount(found), length - 1);
            }
            return length - 1;
        }

        [MethodImpl(Compiled.Alone)]
        private static int Largest(float* elements, int length)
        {
            var most = TLanes.Broadcast(float.NegativeInfinity);
            for (var i = 0; i < length; i += Lanes) most = TLanes.Max(LoadUpTo(elements + i, length - i, float.NegativeInfinity), most);
            most = TLanes.Broadcast(TLanes.Largest(most));
            for (var i = 0; i < length; i += Lanes)
            {
                var found = TLanes.NotLess(LoadUpTo(elements + i, length - i, float.NegativeInfinity), most);
                if (found != 0) return Math.Min(i + BitOperations.TrailingZeroCount(found), length - 1);
            }
            return length - 1;
        }

        /// <summary>Outliers of a token over all heads, and the scale that all heads share.</summary>
        private void SpanHeads(KvPartLayout part, int token, float* work)
        {
            var (heads, headDim) = (Layout.KvHeads, Layout.HeadDim);
            var length = heads * headDim;
            for (var head = 0; head < heads; head++)
            {
                if (part.IsKeys)
                    for (var d = 0; d < headDim; d++) work[head * headDim + d] = Keys(head)[(long)d * KeyLength + token];
                else
                    new ReadOnlySpan<float>(Values(head) + (long)token * ValueLength, headDim)
                        .CopyTo(new Span<float>(work + head * headDim, headDim));
            }
            var each = 2 * part.Outliers;
            var positions = (ushort*)(_chunk + (part.IsKeys ? Layout.KeyOutliers : Layout.ValueOutliers)) + (long)token * each;
            if (token < Layout.Exact)
                for (var i = 0; i < each; i++) positions[i] = (ushort)i;
            else if (each > 0) SelectOutliers(work, length, part.Outliers, positions);
            if (!part.IsShared) return;

            var count = 0;
            for (int i = 0, next = 0; i < length; i++)
            {
                if (next < each && positions[next] == i) next++;
                else work[count++] = work[i];
            }
            var scale = FindScale(work, token < Layout.Exact ? 0 : count, part, part.Bits);
            var scales = (ushort*)(_chunk + (part.IsKeys ? Layout.KeyScales : Layout.ValueScales));
            scales[token] = ToHalf(scale.Minimum);
            scales[part.ScaleCount + token] = ToHalf(scale.Scale);
        }

        private readonly ref partial struct HeadPart
        {
            /// <summary>Clears what is exact anyhow, after noting what codes leave at the outliers.</summary>
            private void SetAside()
            {
                var each = 2 * _part.Outliers;
                long at = 0;
                for (var vector = 0; vector < (each == 0 ? 0 : _part.AlongTokens ? HeadDim : Tokens); vector++)
                    for (var i = 0; i < each; i++, at++)
                    {
                        var place = Place(vector, i);
                        if (place == null) continue;
                        Left[at] = *place;
                        *place = 0f;
                    }
                if (_part.IsKeys)
                    for (var d = 0; d < HeadDim; d++) new Span<float>(Run(d), Exact).Clear();
                else
                    for (var token = 0; token < Exact; token++) new Span<float>(Run(token), HeadDim).Clear();
            }

            /// <summary>Adds what was set aside at the outliers.</summary>
            private void PutBack()
            {
                var each = 2 * _part.Outliers;
                long at = 0;
                for (var vector = 0; vector < (each == 0 ? 0 : _part.AlongTokens ? HeadDim : Tokens); vector++)
                    for (var i = 0; i < each; i++, at++)
                    {
                        var place = Place(vector, i);
                        if (place != null) *place += Left[at];
                    }
            }

            /// <summary>Where outlier <paramref name="i"/> of a vector lies in the matrix; null where another head has it.</summary>
            private float* Place(int vector, int i)
            {
                var (token, channel) = PlaceOf(vector, i);
                if ((uint)channel >= (uint)HeadDim) return null;
                return _part.IsKeys ? Run(channel) + token : Run(token) + channel;
            }

            private (int Token, int Channel) PlaceOf(int vector, int i)
            {
                var each = 2 * _part.Outliers;
                return _part.AlongTokens ? (Positions[((long)_head * HeadDim + vector) * each + i], vector)
                    : (vector, Positions[(long)vector * each + i] - _head * HeadDim);
            }

            /// <summary>What codes and stored factors leave at the outliers; of exact tokens nothing.</summary>
            private void StoreDeltas()
            {
                var each = 2 * _part.Outliers;
                var first = _part.AlongTokens ? (long)_head * HeadDim * each : 0;
                long at = 0;
                for (var vector = 0; vector < (_part.AlongTokens ? HeadDim : Tokens); vector++)
                    for (var i = 0; i < each; i++, at++)
                    {
                        var (token, channel) = PlaceOf(vector, i);
                        if ((uint)channel >= (uint)HeadDim) continue;
                        var product = 0f;
                        for (var r = 0; r < (FactorsFirst ? 0 : _layout.Rank); r++)
                            product = MathF.FusedMultiplyAdd(FactorA(r)[token], FactorB(r)[channel], product);
                        Deltas[first + at] = token < Exact ? (ushort)0 : ToHalf(Left[at] - product);
                    }
            }
        }
    }
}
