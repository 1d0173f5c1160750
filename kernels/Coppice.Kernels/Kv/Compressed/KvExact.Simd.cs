namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    private sealed partial class CompressJob
    {
        private readonly ref partial struct HeadPart
        {
            /// <summary>The first tokens of the head as they are, in F16: [exact][headDim].</summary>
            private void StoreExact()
            {
                var target = (ushort*)(_chunk + _layout.ExactRows)
                    + ((_part.IsKeys ? 0 : (long)_layout.KvHeads) + _head) * Exact * HeadDim;
                for (var token = 0; token < Exact; token++)
                    for (var d = 0; d < HeadDim; d++)
                        target[token * HeadDim + d] = ToHalf(_part.IsKeys ? Run(d)[token] : Run(token)[d]);
            }
        }
    }
}
