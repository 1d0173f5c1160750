using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>Minima and scales as they are stored.</summary>
    private sealed partial class CompressedAttentionJob
    {
        /// <summary>
        /// Widens <paramref name="count"/> minima and scales from number <paramref name="at"/> on, padded to whole vectors; where there are
        /// no minima, scales take their place too.
        /// </summary>
        private static void ReadScales(in BlockPart part, KvPartLayout side, long at, int count, float* minima, float* scales)
        {
            var stored = StoredScales(part, side);
            if (!side.ScalesAreBytes)
            {
                WidenHalves((ushort*)stored + at, count, minima);
                WidenHalves((ushort*)stored + (side.HasMinimum ? side.ScaleCount : 0) + at, count, scales);
                return;
            }
            var bounds = (ushort*)(stored + (long)part.Head * KvPartLayout.BoundBytes);
            var bytes = stored + (long)part.Layout.KvHeads * KvPartLayout.BoundBytes + at;
            if (side.HasMinimum)
            {
                WidenBytes(bytes, count, bounds, minima);
                bytes += side.ScaleCount;
            }
            WidenBytes(bytes, count, bounds + 2, scales);
            if (!side.HasMinimum) WidenBytes(bytes, count, bounds + 2, minima);
        }

        private void ReadScales(in BlockPart part, KvPartLayout side, long at, int count, float* work) =>
            ReadScales(part, side, at, count, Minima(work), Scales(work));

        /// <summary>base + step · byte, padded to whole vectors with what byte 0 stands for.</summary>
        [MethodImpl(Compiled.Alone)]
        private static void WidenBytes(byte* bytes, int count, ushort* bounds, float* numbers)
        {
            TLanes first = TLanes.Broadcast(ToSingle(bounds[0])), step = TLanes.Broadcast(ToSingle(bounds[1]));
            for (var i = 0; i < count; i += Lanes)
                TLanes.Store(TLanes.FusedMultiplyAdd(step, LoadBytes(bytes + i, count - i), first), numbers + i);
        }

        private static TLanes LoadBytes(byte* bytes, int left)
        {
            if (left >= Lanes) return TLanes.LoadBytes(bytes);
            var padded = stackalloc byte[Lanes];
            for (var i = 0; i < Lanes; i++) padded[i] = i < left ? bytes[i] : (byte)0;
            return TLanes.LoadBytes(padded);
        }

        /// <summary>x[i] *= scales[i]; scales are padded to whole vectors.</summary>
        [MethodImpl(Compiled.Alone)]
        private static void Multiply(float* x, float* scales, int count)
        {
            for (var i = 0; i < count; i += Lanes)
                StoreUpTo(TLanes.Multiply(LoadUpTo(x + i, count - i, 0f), TLanes.Load(scales + i)), x + i, count - i);
        }

        private static byte* StoredScales(in BlockPart part, KvPartLayout side) =>
            part.Chunk + (side.IsKeys ? part.Layout.KeyScales : part.Layout.ValueScales);

        /// <summary>Scales of the head's channels, F16.</summary>
        private static ushort* ChannelScales(in BlockPart part, KvPartLayout side) =>
            (ushort*)(StoredScales(part, side) + side.GroupBytes) + (long)part.Head * part.Layout.HeadDim;
    }
}
