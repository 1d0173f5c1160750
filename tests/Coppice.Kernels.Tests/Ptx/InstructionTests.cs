using Coppice.Ptx;
using Coppice.Ptx.Text;
using Xunit;

namespace Coppice.Kernels.Tests.Ptx;

/// <summary>What instructions compute, against answers that follow from the PTX manual by hand.</summary>
public sealed class InstructionTests
{
    private static int F(float value) => BitConverter.SingleToInt32Bits(value);

    [Theory]
    [InlineData("add.s32 %r2, %r3, %r4", 7, -9, -2)]
    [InlineData("sub.s32 %r2, %r3, %r4", 7, -9, 16)]
    [InlineData("mul.lo.s32 %r2, %r3, %r4", 70000, 70000, 605032704)]
    [InlineData("mul.hi.s32 %r2, %r3, %r4", -70000, 70000, -2)]
    [InlineData("mul.hi.u32 %r2, %r3, %r4", -1, -1, -2)]
    [InlineData("mad.lo.s32 %r2, %r3, %r4, 5", 3, -4, -7)]
    [InlineData("div.s32 %r2, %r3, %r4", -7, 2, -3)]
    [InlineData("div.u32 %r2, %r3, %r4", -1, 2, int.MaxValue)]
    [InlineData("rem.s32 %r2, %r3, %r4", -7, 2, -1)]
    [InlineData("min.s32 %r2, %r3, %r4", -7, 2, -7)]
    [InlineData("min.u32 %r2, %r3, %r4", -7, 2, 2)]
    [InlineData("max.s32 %r2, %r3, %r4", -7, 2, 2)]
    [InlineData("shl.b32 %r2, %r3, %r4", 3, 4, 48)]
    [InlineData("shl.b32 %r2, %r3, %r4", 3, 32, 0)]
    [InlineData("shr.s32 %r2, %r3, %r4", -8, 1, -4)]
    [InlineData("shr.s32 %r2, %r3, %r4", -8, 40, -1)]
    [InlineData("shr.u32 %r2, %r3, %r4", -8, 28, 15)]
    [InlineData("and.b32 %r2, %r3, %r4", 12, 10, 8)]
    [InlineData("or.b32 %r2, %r3, %r4", 12, 10, 14)]
    [InlineData("xor.b32 %r2, %r3, %r4", 12, 10, 6)]
    [InlineData("not.b32 %r2, %r3", 12, 0, -13)]
    [InlineData("neg.s32 %r2, %r3", 12, 0, -12)]
    [InlineData("abs.s32 %r2, %r3", -12, 0, 12)]
    [InlineData("popc.b32 %r2, %r3", -1, 0, 32)]
    [InlineData("clz.b32 %r2, %r3", 1, 0, 31)]
    [InlineData("brev.b32 %r2, %r3", 1, 0, int.MinValue)]
    [InlineData("lop3.b32 %r2, %r3, %r4, 255, 0xea", 12, 10, 255)]               // (a & b) | c
    [InlineData("lop3.b32 %r2, %r3, %r4, 6, 0x6a", 12, 10, 14)]                  // (a & b) ^ c
    [InlineData("prmt.b32 %r2, %r3, %r4, 0x5410", 0x04030201, 0x08070605, 0x06050201)]
    [InlineData("prmt.b32 %r2, %r3, %r4, 0x8888", 0x80, 0, -1)]
    [InlineData("bfe.u32 %r2, %r3, 4, 8", 0x12345678, 0, 0x67)]
    [InlineData("bfe.s32 %r2, %r3, 4, 4", 0xf0, 0, -1)]
    [InlineData("bfi.b32 %r2, %r3, %r4, 8, 8", 0xab, 0x11111111, 0x1111ab11)]
    [InlineData("shf.l.wrap.b32 %r2, %r3, %r4, 8", 0x12345678, 0x00abcdef, unchecked((int)0xabcdef12))]
    [InlineData("shf.r.wrap.b32 %r2, %r3, %r4, 8", 0x12345678, 0x00abcdef, unchecked((int)0xef123456))]
    [InlineData("dp4a.s32.s32 %r2, %r3, %r4, 100", 0x01ff02fe, 0x02030405, 100 + 2 - 3 + 8 - 10)]
    [InlineData("dp4a.u32.s32 %r2, %r3, %r4, 0", 0x000000ff, 0x000000ff, -255)]
    [InlineData("cvt.s32.s8 %r2, %r3", 0xff, 0, -1)]
    [InlineData("cvt.u32.u8 %r2, %r3", 0x1ff, 0, 255)]
    [InlineData("cvt.rn.f32.s32 %f1, %r3; mov.b32 %r2, %f1", -16777217, 0, unchecked((int)0xcb800000))]
    [InlineData("cvt.rzi.s32.f32 %r2, %r3", unchecked((int)0xc0200000), 0, -2)]           // -2.5
    [InlineData("cvt.rni.s32.f32 %r2, %r3", unchecked((int)0xc0200000), 0, -2)]
    [InlineData("cvt.rmi.s32.f32 %r2, %r3", unchecked((int)0xc0200000), 0, -3)]
    [InlineData("cvt.rzi.s32.f32 %r2, %r3", 0x7fc00000, 0, 0)]                            // NaN
    [InlineData("cvt.rzi.u32.f32 %r2, %r3", unchecked((int)0xc0200000), 0, 0)]
    [InlineData("cvt.rn.bf16x2.f32 %r2, %r3, %r4", 0x3f800000, 0x40000000, 0x3f804000)]
    public void Integers_and_conversions(string instruction, int a, int b, int expected) =>
        Assert.Equal(expected, PtxRun.Values($"mov.b32 %r3, {a}; mov.b32 %r4, {b}; {instruction}; st.global.b32 [%rd2], %r2; ret;")[5]);

    [Theory]
    [InlineData("add.f32 %f3, %f1, %f2", 1.5f, 2.25f, 3.75f)]
    [InlineData("fma.rn.f32 %f3, %f1, %f2, 0fBF800000", 1.0000001f, 1.0000001f, 2.3841858e-7f)]     // one rounding, not two
    [InlineData("div.rn.f32 %f3, %f1, %f2", 1f, 3f, 0.33333334f)]
    [InlineData("rcp.rn.f32 %f3, %f1", 3f, 0f, 0.33333334f)]
    [InlineData("sqrt.rn.f32 %f3, %f1", 2f, 0f, 1.4142135f)]
    [InlineData("max.f32 %f3, %f1, %f2", float.NaN, 2f, 2f)]
    [InlineData("min.f32 %f3, %f1, %f2", -1f, float.NaN, -1f)]
    [InlineData("neg.f32 %f3, %f1", 2f, 0f, -2f)]
    [InlineData("abs.f32 %f3, %f1", -2f, 0f, 2f)]
    [InlineData("ex2.approx.f32 %f3, %f1", -1f, 0f, 0.5f)]
    [InlineData("lg2.approx.f32 %f3, %f1", 8f, 0f, 3f)]
    [InlineData("setp.gt.f32 %p1, %f1, %f2; selp.f32 %f3, %f1, %f2, %p1", float.NaN, 2f, 2f)]
    [InlineData("setp.gtu.f32 %p1, %f1, %f2; selp.f32 %f3, 0f3F800000, %f2, %p1", float.NaN, 2f, 1f)]
    [InlineData("testp.notanumber.f32 %p1, %f1; selp.f32 %f3, 0f3F800000, %f2, %p1", float.NaN, 2f, 1f)]
    public void Floats(string instruction, float a, float b, float expected) => Assert.Equal(F(expected),
        PtxRun.Values($"mov.b32 %f1, {F(a)}; mov.b32 %f2, {F(b)}; {instruction}; st.global.f32 [%rd2], %f3; ret;")[5]);

    [Fact]
    public void Predicates_combine_and_guard()
    {
        var values = PtxRun.Values("""
            setp.lt.s32 %p1|%p2, %r1, 8;
            setp.eq.and.s32 %p3, 0, 0, !%p1;
            mov.pred %p4, 1;
            xor.pred %p4, %p4, %p3;
            st.global.b32 [%rd2], 1;
            @%p2 st.global.b32 [%rd2], 2;
            @!%p3 st.global.b32 [%rd2], 3;
            @%p4 st.global.b32 [%rd2], 4;
            ret;
            """);
        Assert.Equal([.. Enumerable.Repeat(4, 8), .. Enumerable.Repeat(2, 24)], values);
    }

    [Theory]
    [InlineData("idx", 3, 31, "3333333333333333 3333333333333333")]
    [InlineData("bfly", 1, 31, "1032547698badcfe hgjilknmporqtsvu")]
    [InlineData("down", 4, 31, "456789abcdefghij klmnopqrstuvstuv")]
    [InlineData("up", 2, 0, "0101234567 89abcd efghijklmnopqrst")]
    [InlineData("idx", 1, 0x181f, "1111111199999999 hhhhhhhhpppppppp")]          // segments of 8
    public void Shuffles(string kind, int distance, int control, string expected)
    {
        var lanes = PtxRun.Values($"shfl.sync.{kind}.b32 %r2, %r1, {distance}, {control}, 0xffffffff; st.global.b32 [%rd2], %r2; ret;");
        Assert.Equal(expected.Replace(" ", "", StringComparison.Ordinal),
            string.Concat(lanes.Select(lane => "0123456789abcdefghijklmnopqrstuv"[lane])));
    }

    [Fact]
    public void Votes()
    {
        var values = PtxRun.Values("""
            setp.lt.s32 %p1, %r1, 5;
            vote.sync.ballot.b32 %r2, %p1, 0xffffffff;
            vote.sync.any.pred %p2, %p1, 0xffffffff;
            vote.sync.all.pred %p3, !%p1, 0xffffffff;
            selp.b32 %r3, 32, 0, %p2;
            selp.b32 %r4, 64, 0, %p3;
            or.b32 %r2, %r2, %r3;
            or.b32 %r2, %r2, %r4;
            st.global.b32 [%rd2], %r2;
            ret;
            """);
        Assert.All(values, value => Assert.Equal(31 + 32, value));
    }

    [Fact]
    public void Lanes_that_part_meet_again()
    {
        // The sum of 1 … lane by a loop that ends after a different number of steps in every lane, then a shuffle of all.
        var values = PtxRun.Values("""
            mov.b32 %r2, 0;
            mov.b32 %r3, 0;
            LOOP:
            setp.ge.s32 %p1, %r3, %r1;
            @%p1 bra DONE;
            add.s32 %r3, %r3, 1;
            and.b32 %r5, %r3, 1;
            setp.eq.s32 %p2, %r5, 0;
            @%p2 bra EVEN;
            add.s32 %r2, %r2, %r3;
            bra LOOP;
            EVEN:
            add.s32 %r2, %r2, %r3;
            bra LOOP;
            DONE:
            shfl.sync.bfly.b32 %r4, %r2, 1, 31, 0xffffffff;
            st.global.b32 [%rd2], %r4;
            ret;
            """);
        Assert.Equal(Enumerable.Range(0, 32).Select(lane => (lane ^ 1) * ((lane ^ 1) + 1) / 2), values);
    }

    [Fact]
    public void Atomics_add_every_thread_of_every_block()
    {
        var data = new int[64];
        PtxRun.Values("atom.global.add.u32 %r2, [%rd1], 2; red.global.max.s32 [%rd1+4], %r1; ret;", data, threads: 48, blocks: 3);
        Assert.Equal((2 * 48 * 3, 47), (data[0], data[1]));
    }

    [Fact]
    public void Vectors_local_memory_and_inner_scopes()
    {
        var data = Enumerable.Range(0, 128).ToArray();
        PtxRun.Values("""
            mul.wide.u32 %rd3, %r1, 16;
            add.u64 %rd3, %rd1, %rd3;
            {
                .reg .b32 a<4>;
                ld.global.nc.L1::no_allocate.v4.u32 {a0, a1, a2, a3}, [%rd3];
                st.local.b32 [slot+4], a3;
                st.local.b32 [slot], a0;
                ld.local.v2.b32 {a1, a2}, [slot];
                st.global.v4.b32 [%rd3], {a2, a1, a1, a2};
            }
            ret;
            """, data, declarations: ".local .align 8 .b8 slot[8];");
        Assert.Equal([3, 0, 0, 3, 7, 4, 4, 7], data[..8]);
    }

    [Fact]
    public void Barriers_of_a_part_of_the_group_wait_for_that_part_alone()
    {
        var values = PtxRun.Values("""
            mov.b64 %rd4, shared;
            mul.wide.u32 %rd5, %r1, 4;
            add.u64 %rd5, %rd4, %rd5;
            setp.ge.s32 %p1, %r1, 64;
            @%p1 bra LAST;
            st.shared.b32 [%rd5], %r1;
            bar.sync 1, 64;
            xor.b32 %r2, %r1, 32;
            mul.wide.u32 %rd6, %r2, 4;
            add.u64 %rd6, %rd4, %rd6;
            ld.shared.b32 %r3, [%rd6];
            st.global.b32 [%rd2], %r3;
            LAST:
            ret;
            """, threads: 96, declarations: ".shared .align 4 .b8 shared[256];");
        Assert.Equal(Enumerable.Range(0, 64).Select(thread => thread ^ 32), values[..64]);
    }

    [Theory]
    [InlineData("add.s32 %r2, %r9999, 1; ret;", "%r9999 is neither declared")]
    [InlineData("wgmma.fence.sync.aligned; ret;", "not known here")]
    [InlineData("bra NOWHERE; ret;", "label must be in the entry")]
    [InlineData("ld.b32 %r2, [%rd1]; ret;", "must name global, shared or local")]
    public void What_is_not_known_is_refused_with_its_line(string body, string message)
    {
        var error = Assert.Throws<PtxException>(() => PtxKernel.Load(PtxRun.Entry(body)));
        Assert.Matches("^line [0-9]+", error.Message);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }
}
