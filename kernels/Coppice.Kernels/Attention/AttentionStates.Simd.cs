using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>From the scores of a block to its weights, and from the states of blocks to a row's.</summary>
    private abstract partial class AttentionJob
    {
        /// <summary>
        /// Raw scores of a block to weights, with the block's m and l; the block's o begins as zeros. True where all weights were set; else
        /// groups of lanes of which none is seen were left as they are.
        /// </summary>
        protected bool WeighAll(float* first, int queries, int block)
        {
            var seeAll = _softCap == 0f;
            for (var n = 0; n < queries && seeAll; n++) seeAll = Visible(PositionOf(At(first, n)), block) == (0, Block);
            // Of fewer bits all of it does not fit the registers, nor what the compiler is willing to inline.
            if (seeAll && typeof(TLanes) == typeof(Lanes512))
            {
                for (var n = 0; n < queries; n++) WeighWhole(At(first, n));
                return true;
            }
            // Two passes, so that the processor works on several queries while the lanes of one are being reduced.
            for (var n = 0; n < queries; n++)
            {
                var (low, high) = Visible(PositionOf(At(first, n)), block);
                Scale(At(first, n), low, high);
            }
            for (var n = 0; n < queries; n++)
            {
                var (low, high) = Visible(PositionOf(At(first, n)), block);
                Weigh(At(first, n), low, high);
            }
            return seeAll;
        }

        /// <summary><see cref="Scale"/> and <see cref="Weigh"/> where a whole block is seen, in the same order.</summary>
        [MethodImpl(Compiled.Alone)]
        private void WeighWhole(float* query)
        {
            var scores = Scores(query);
            var scale = TLanes.Broadcast(_scale);
            TLanes s0 = TLanes.Multiply(TLanes.Load(scores), scale), s1 = TLanes.Multiply(TLanes.Load(scores + 16), scale),
                s2 = TLanes.Multiply(TLanes.Load(scores + 32), scale), s3 = TLanes.Multiply(TLanes.Load(scores + 48), scale);
            var largest = TLanes.Max(s1, TLanes.Max(s0, TLanes.Broadcast(float.MinValue)));
            var max = TLanes.Largest(TLanes.Max(s3, TLanes.Max(s2, largest)));
            var shift = TLanes.Broadcast(max);
            s0 = LaneMath.ExpOfNonPositive(TLanes.Subtract(s0, shift));
            s1 = LaneMath.ExpOfNonPositive(TLanes.Subtract(s1, shift));
            s2 = LaneMath.ExpOfNonPositive(TLanes.Subtract(s2, shift));
            s3 = LaneMath.ExpOfNonPositive(TLanes.Subtract(s3, shift));
            StoreFour(s0, s1, s2, s3, scores);
            BlockMax(query) = max;
            BlockSum(query) = TLanes.Sum(TLanes.Add(TLanes.Add(TLanes.Add(s0, s1), s2), s3));
            ClearOutput(query);
        }

        private void ClearOutput(float* query)
        {
            var output = BlockOutput(query);
            var d = 0;
            for (; d <= _headDim - Lanes; d += Lanes) TLanes.Store(TLanes.Zero, output + d);
            for (; d < _headDim; d++) output[d] = 0f;
        }

        /// <summary>
        /// Raw scores to scaled ones, -∞ where a column is not seen, with the block's m; groups of lanes of which none is seen are left as
        /// they are.
        /// </summary>
        [MethodImpl(Compiled.Alone)]
        protected void Scale(float* query, int low, int high)
        {
            var scores = Scores(query);
            var largest = TLanes.Broadcast(float.MinValue);     // finite, so that s - m is never ∞ - ∞
            var (first, end) = (low / Lanes * Lanes, (high + Lanes - 1) / Lanes * Lanes);
            if (_softCap > 0f) CapScores(scores, first, end);
            var scale = TLanes.Broadcast(_softCap > 0f ? 1f : _scale);
            var hide = low > first || high < end;
            for (var i = first; i < end; i += Lanes)
            {
                var s = TLanes.Multiply(TLanes.Load(scores + i), scale);
                if (hide) s = Hide(s, i, low, high);
                TLanes.Store(s, scores + i);
                largest = TLanes.Max(s, largest);
            }
            BlockMax(query) = low < high ? TLanes.Largest(largest) : float.NegativeInfinity;
        }

        /// <summary>Scores to weights e^(s - m), 0 where a column is not seen, with the block's l; the block's o begins as zeros.</summary>
        [MethodImpl(Compiled.Alone)]
        protected void Weigh(float* query, int low, int high)
        {
            var scores = Scores(query);
            var (shift, sum) = (TLanes.Broadcast(MathF.Max(BlockMax(query), float.MinValue)), TLanes.Zero);
            for (var i = low / Lanes * Lanes; i < high; i += Lanes)
            {
                var e = LaneMath.ExpOfNonPositive(TLanes.Subtract(TLanes.Load(scores + i), shift));
                sum = TLanes.Add(sum, e);
                TLanes.Store(e, scores + i);
            }
            BlockSum(query) = TLanes.Sum(sum);
            ClearOutput(query);
        }

        /// <summary>Raw scores to scaled and capped ones.</summary>
        [MethodImpl(Compiled.Alone)]
        private void CapScores(float* scores, int first, int end)
        {
            for (var i = first; i < end; i += Lanes)
                TLanes.Store(Cap(TLanes.Multiply(TLanes.Load(scores + i), TLanes.Broadcast(_scale))), scores + i);
        }

        private TLanes Cap(TLanes s) =>
            TLanes.Multiply(TLanes.Broadcast(_softCap), LaneMath.Tanh(TLanes.Divide(s, TLanes.Broadcast(_softCap))));

        /// <summary>-∞ in the columns that are not seen, whatever lies there.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static TLanes Hide(TLanes s, int first, int low, int high)
        {
            TLanes column = TLanes.Ramp(first), nothing = TLanes.Broadcast(float.NegativeInfinity);
            return TLanes.SelectLess(column, TLanes.Broadcast(high), TLanes.SelectLess(TLanes.Broadcast(low - 0.5f), column, s, nothing),
                nothing);
        }

        /// <summary>
        /// (m, l, o) ⊕ the block's for every query: both shifted to the larger m. The first block meets m = -∞, whose factor is 0.
        /// </summary>
        [MethodImpl(Compiled.Alone)]
        private void MergeAll(float* scratch, int queries)
        {
            float* keep = stackalloc float[Lanes], add = stackalloc float[Lanes];
            for (var first = 0; first < queries; first += Lanes)
            {
                var count = Math.Min(Lanes, queries - first);
                new Span<float>(keep, Lanes).Clear();
                new Span<float>(add, Lanes).Clear();
                for (var i = 0; i < count; i++)
                {
                    var query = At(scratch, first + i);
                    var max = MathF.Max(Max(query), BlockMax(query));
                    if (!float.IsNegativeInfinity(max)) (keep[i], add[i]) = (Max(query) - max, BlockMax(query) - max);
                }
                // One of the two shifts is 0, and e^0 is 1.
                TLanes.Store(LaneMath.ExpOfNonPositive(TLanes.Load(keep)), keep);
                TLanes.Store(LaneMath.ExpOfNonPositive(TLanes.Load(add)), add);
                for (var i = 0; i < count; i++) Merge(At(scratch, first + i), keep[i], add[i]);
            }
        }

        [MethodImpl(Compiled.Alone)]
        private void Merge(float* query, float keep, float add)
        {
            if (float.IsNegativeInfinity(BlockMax(query))) return;
            Sum(query) = MathF.FusedMultiplyAdd(BlockSum(query), add, Sum(query) * keep);
            Max(query) = MathF.Max(Max(query), BlockMax(query));
            TLanes k = TLanes.Broadcast(keep), a = TLanes.Broadcast(add);
            float* output = Output(query), block = BlockOutput(query);
            var d = 0;
            for (; d <= _headDim - Lanes; d += Lanes)
                TLanes.Store(TLanes.FusedMultiplyAdd(TLanes.Load(block + d), a, TLanes.Multiply(TLanes.Load(output + d), k)), output + d);
            for (; d < _headDim; d++) output[d] = MathF.FusedMultiplyAdd(block[d], add, output[d] * keep);
        }

        /// <summary>
        /// The same operations as <see cref="MergeAll"/> for some heads, block after block, sixteen blocks' exponentials at a time.
        /// </summary>
        [MethodImpl(Compiled.Alone)]
        private void MergeHeads(int firstHead, int endHead, float* query)
        {
            var (begin, end) = (FirstBlock(Position(0)), EndBlock(Position(0)));
            float* keep = stackalloc float[Lanes], add = stackalloc float[Lanes];
            for (var head = firstHead; head < endHead; head++)
            {
                Begin(query, 0, head);
                for (var first = begin; first < end; first += Lanes)
                {
                    var count = Math.Min(Lanes, end - first);
                    new Span<float>(keep, Lanes).Clear();
                    new Span<float>(add, Lanes).Clear();
                    for (var i = 0; i < count; i++)
                    {
                        var (old, block) = (Max(query), State(first + i, head)[_headDim]);
                        Max(query) = MathF.Max(old, block);
                        (keep[i], add[i]) = (old - Max(query), block - Max(query));
                    }
                    TLanes.Store(LaneMath.ExpOfNonPositive(TLanes.Load(keep)), keep);
                    TLanes.Store(LaneMath.ExpOfNonPositive(TLanes.Load(add)), add);
                    for (var i = 0; i < count; i++)
                        Sum(query) = MathF.FusedMultiplyAdd(State(first + i, head)[_headDim + 1], add[i], Sum(query) * keep[i]);
                    MergeOutputs(State(first, head), count, keep, add, Output(query));
                }
                Finish(query, 0, head);
            }
        }

        /// <summary>
        /// output = output · keep + block · add, for the outputs of some blocks in ascending order; four chains at a time, since each waits
        /// for itself.
        /// </summary>
        [MethodImpl(Compiled.Alone)]
        private void MergeOutputs(float* state, int count, float* keep, float* add, float* output)
        {
            var apart = (long)_q.Shape[1] * StateFloats;
            var d = 0;
            for (; d <= _headDim - 4 * Lanes; d += 4 * Lanes)
            {
                TLanes o0 = TLanes.Load(output + d), o1 = TLanes.Load(output + d + 16), o2 = TLanes.Load(output + d + 32),
                    o3 = TLanes.Load(output + d + 48);
                for (var i = 0; i < count; i++)
                {
                    TLanes k = TLanes.Broadcast(keep[i]), a = TLanes.Broadcast(add[i]);
                    var block = state + i * apart + d;
                    o0 = TLanes.FusedMultiplyAdd(TLanes.Load(block), a, TLanes.Multiply(o0, k));
                    o1 = TLanes.FusedMultiplyAdd(TLanes.Load(block + 16), a, TLanes.Multiply(o1, k));
                    o2 = TLanes.FusedMultiplyAdd(TLanes.Load(block + 32), a, TLanes.Multiply(o2, k));
                    o3 = TLanes.FusedMultiplyAdd(TLanes.Load(block + 48), a, TLanes.Multiply(o3, k));
                }
                StoreFour(o0, o1, o2, o3, output + d);
            }
            for (; d <= _headDim - Lanes; d += Lanes)
            {
                var o = TLanes.Load(output + d);
                for (var i = 0; i < count; i++)
                    o = TLanes.FusedMultiplyAdd(TLanes.Load(state + i * apart + d), TLanes.Broadcast(add[i]),
                        TLanes.Multiply(o, TLanes.Broadcast(keep[i])));
                TLanes.Store(o, output + d);
            }
            for (; d < _headDim; d++)
                for (var i = 0; i < count; i++) output[d] = MathF.FusedMultiplyAdd(state[i * apart + d], add[i], output[d] * keep[i]);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        protected static void StoreFour(TLanes s0, TLanes s1, TLanes s2, TLanes s3, float* scores)
        {
            TLanes.Store(s0, scores);
            TLanes.Store(s1, scores + 16);
            TLanes.Store(s2, scores + 32);
            TLanes.Store(s3, scores + 48);
        }

        /// <summary>y = o / l, or the state.</summary>
        private void Finish(float* query, int row, int head)
        {
            if (_kept.IsEmpty)
            {
                Divide(Output(query), Sum(query), Row(_y, row) + head * _headDim, _headDim);
                return;
            }
            var state = Kept(row, head);
            new ReadOnlySpan<float>(Output(query), _headDim).CopyTo(new Span<float>(state, _headDim));
            (state[_headDim], state[_headDim + 1]) = (Max(query), Sum(query));
        }

        /// <summary>y = o / l, or zeros where nothing was seen.</summary>
        [MethodImpl(Compiled.Alone)]
        internal static void Divide(float* output, float sum, float* y, int headDim)
        {
            var factor = sum > 0f ? 1f / sum : 0f;
            for (var d = 0; d < headDim; d += Lanes)
            {
                var left = headDim - d;
                StoreUpTo(TLanes.Multiply(LoadUpTo(output + d, left, 0f), TLanes.Broadcast(factor)), y + d, left);
            }
        }
    }
}
