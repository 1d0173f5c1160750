using Coppice.Kernels.Tests.Ops;
using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests.Identities;

/// <summary>Attention of several sequences that is asked for together has the bits of each alone.</summary>
public abstract class TogetherTests(Device device) : OpSuite(device)
{
    [Fact]
    public void Attention_together_equals_attention_alone()
    {
        Device.Require();
        var cases = Device.Select(Cases.Attention);
        foreach (var backend in Device.Backends)
        {
            // Every size from one to nine, over neighbours in the list, which differ in length, mask, type and kind of pages.
            for (int first = 0, count = 1; first < cases.Count; first += count, count = count % 9 + 1)
            {
                var some = cases.Skip(first).Take(count).ToArray();
                using var bed = new Bed(backend, Placement.Plain, Device.IsOnHost);
                var calls = some.Select(c => AttentionTests.Prepare(bed, c)).ToArray();
                using (backend.Together())
                {
                    foreach (var (attend, _) in calls) attend();
                }
                var together = calls.Select(call => bed.Floats(call.Y)).ToArray();
                foreach (var (attend, _) in calls) attend();
                for (var i = 0; i < calls.Length; i++)
                    Compare.SameFiniteBits($"{some[i]} beside {count - 1} others on {backend.Name}", bed.Floats(calls[i].Y), together[i]);
            }
        }
    }

    /// <summary>One that takes longer than a thread's share is split by blocks of keys, the others are not.</summary>
    [Fact]
    public void A_long_sequence_beside_short_ones_has_the_same_bits()
    {
        Device.Require();
        AttentionCase[] some =
        [
            new(40, 1, 6, 3, 32, ElementType.F16, true, MaskKind.Causal), new(900, 1, 6, 3, 32, ElementType.F16, true, MaskKind.Causal),
            new(3, 2, 6, 3, 32, ElementType.F16, true, MaskKind.Causal), new(70, 5, 6, 3, 32, ElementType.F16, true, MaskKind.Tree),
        ];
        foreach (var backend in Device.Backends)
        {
            using var bed = new Bed(backend, Placement.Plain, Device.IsOnHost);
            var calls = some.Select(c => AttentionTests.Prepare(bed, c)).ToArray();
            using (backend.Together())
            {
                foreach (var (attend, _) in calls) attend();
            }
            var together = calls.Select(call => bed.Floats(call.Y)).ToArray();
            for (var i = 0; i < some.Length; i++)
            {
                using var own = new Bed(backend, Placement.Plain, Device.IsOnHost);
                Compare.SameFiniteBits($"{some[i]} on {backend.Name}", AttentionTests.Run(own, some[i]), together[i]);
            }
        }
    }
}

public sealed class TogetherOnPortable() : TogetherTests(Devices.Portable);
public sealed class TogetherOnAvx2() : TogetherTests(Devices.Avx2);
public sealed class TogetherOnAvx512() : TogetherTests(Devices.Avx512);
public sealed class TogetherOnCpuAccelerator() : TogetherTests(Devices.CpuAccelerator);
public sealed class TogetherOnCuda() : TogetherTests(Devices.Cuda);
