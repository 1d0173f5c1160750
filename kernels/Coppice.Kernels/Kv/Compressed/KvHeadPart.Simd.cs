using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    private sealed partial class CompressJob
    {
        /// <summary>The keys or values of one head: a matrix of runs of codes, [runs][length], with rows padded to whole vectors.</summary>
        private readonly ref partial struct HeadPart
        {
            private readonly KvChunkLayout _layout;
            private readonly KvPartLayout _part;
            private readonly byte* _chunk;
            private readonly float* _matrix, _work;
            private readonly int _head, _apart, _longest, _layer, _number;

            internal HeadPart(CompressJob job, int head, bool isKeys, float* work)
            {
                (_layout, _head, _layer, _number, _longest) = (job.Layout, head, job._layer, job._number, job.Longest);
                _part = isKeys ? job.Layout.Keys : job.Layout.Values;
                _apart = isKeys ? job.KeyLength : job.ValueLength;
                _chunk = job._chunk;
                _matrix = isKeys ? job.Keys(head) : job.Values(head);
                _work = work;
            }

            private float* Run(int run) => _matrix + (long)run * _apart;
            private float* Minima => _work;
            private float* Scales => _work + _longest;
            private float* Divisors => _work + 2L * _longest;
            private byte* Codes => (byte*)(_work + 3L * _longest);
            /// <summary>A copy of the elements of a group.</summary>
            private float* Group => _work + 4L * _longest;
            private float* FactorA(int column) => _work + (5L + column) * _longest;
            private float* FactorB(int column) => _work + (5L + _layout.Rank + column) * _longest;
            /// <summary>What codes leave at the outliers, in the order of their positions.</summary>
            private float* Left => _work + (5L + 2 * _layout.Rank) * _longest;

            private int Tokens => _layout.Tokens;
            private int HeadDim => _layout.HeadDim;
            private int Exact => _layout.Exact;
            private bool NeedsRest => (_layout.Rank > 0 && !FactorsFirst) || _part.Outliers > 0;

            /// <summary>The stored minima, then scales, of the chunk.</summary>
            private ushort* StoredScales => (ushort*)(_chunk + (_part.IsKeys ? _layout.KeyScales : _layout.ValueScales));
            private ushort* Positions => (ushort*)(_chunk + (_part.IsKeys ? _layout.KeyOutliers : _layout.ValueOutliers));
            private ushort* Deltas => Positions + (long)_part.OutlierVectors * 2 * _part.Outliers;

            internal void Run()
            {
                StoreExact();
                if (_part.AlongTokens && _part.Outliers > 0) SelectOfChannels();
                if (FactorsFirst) TakeFactors();
                if (_part.HasChannelScales) DivideChannels();
                EncodeAll();
                if (!NeedsRest) return;
                if (_part.HasChannelScales) MultiplyChannels();
                SetAside();
                if (_layout.Rank > 0 && !FactorsFirst)
                {
                    Solve();
                    StoreFactors();
                }
                if (_part.Outliers > 0) StoreDeltas();
            }

            private bool FactorsFirst => _layout.Codec.FactorsFirst && _layout.Rank > 0;

            private void EncodeAll()
            {
                if (_part.ByRange)
                {
                    EncodeByRange();
                    return;
                }
                if (_part.ScalesAreBytes) FindBounds();
                if (_part.IsKeys && !_part.AlongTokens)
                {
                    EncodeAcross();
                    return;
                }
                for (var run = 0; run < _part.Runs; run++)
                {
                    if (_part.IsShared) ReadShared(run);
                    else ScaleRun(run, _part.Bits);
                    Encode(run, _part.Bits);
                    Pack(run);
                }
            }

            private void SelectOfChannels()
            {
                var each = 2 * _part.Outliers;
                for (var d = 0; d < HeadDim; d++)
                {
                    var positions = Positions + ((long)_head * HeadDim + d) * each;
                    SelectOutliers(Run(d) + Exact, Tokens - Exact, _part.Outliers, positions);
                    for (var i = 0; i < each; i++) positions[i] += (ushort)Exact;
                }
            }

            /// <summary>Scales of a run whose groups lie along it, expanded to its lanes.</summary>
            private void ScaleRun(int run, int bits)
            {
                var size = _part.GroupSize;
                for (var group = 0; group < _part.Groups; group++)
                {
                    var (begin, end) = (group * size, Math.Min(_part.RunLength, (group + 1) * size));
                    var count = Collect(run, begin, end);
                    var at = ((long)_head * _part.Groups + group) * (_part.AlongTokens ? HeadDim : Tokens) + run;
                    Expand(ScaleOf(count, bits, at), begin, end);
                }
            }

            private void ReadShared(int token)
            {
                var scale = new GroupScale(ToSingle(StoredScales[token]), ToSingle(StoredScales[_part.ScaleCount + token]));
                Expand(scale, 0, HeadDim);
            }

            /// <summary>Copies the elements of a group that are neither exact nor outliers; returns how many.</summary>
            private int Collect(int run, int begin, int end)
            {
                if (!_part.AlongTokens && run < Exact) return 0;
                var first = _part.AlongTokens ? Math.Max(begin, Exact) : begin;
                if (first >= end) return 0;
                new ReadOnlySpan<float>(Run(run) + first, end - first).CopyTo(new Span<float>(Group, end - first));
                return end - first - Drop(Group, run, first, end);
            }

            /// <summary>Moves the elements after each outlier of a run up by one; returns how many there were.</summary>
            private int Drop(float* elements, int run, int first, int end)
            {
                var each = 2 * _part.Outliers;
                if (each == 0) return 0;
                var positions = Positions + (_part.AlongTokens ? (long)_head * HeadDim + run : run) * each;
                var shift = _part.AlongTokens ? 0 : _head * HeadDim;
                var dropped = 0;
                var from = 0;
                for (var i = 0; i < each; i++)
                {
                    var position = positions[i] - shift;
                    if (position < first || position >= end) continue;
                    // Everything between the last outlier and this one moves by as many places as were dropped before.
                    Move(elements, from, position - first, dropped);
                    from = position - first + 1;
                    dropped++;
                }
                Move(elements, from, end - first, dropped);
                return dropped;
            }

            private static void Move(float* elements, int from, int to, int by)
            {
                if (by > 0 && to > from)
                    new ReadOnlySpan<float>(elements + from, to - from).CopyTo(new Span<float>(elements + from - by, to - from));
            }
        }
    }
}
