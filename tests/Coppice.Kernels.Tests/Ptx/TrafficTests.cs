using Coppice.Ptx.Execution;
using Coppice.Ptx.Reports;
using Xunit;

namespace Coppice.Kernels.Tests.Ptx;

/// <summary>Sectors, wavefronts, instructions, bytes and operations against counts by hand.</summary>
public sealed class TrafficTests
{
    private static InstructionCount Count(string body, string opcode, int threads = 32)
    {
        var report = PtxRun.Run(body, new int[4096], threads, 1, ".shared .align 16 .b8 shared[16384];");
        return report.Instructions.Single(count => count.Instruction.Name == opcode);
    }

    [Theory]
    [InlineData("ld.global.b32 %r2, [%rd2]", "ld.global.b32", 4, 4)]                    // 128 bytes in a row
    [InlineData("ld.global.b32 %r2, [%rd1]", "ld.global.b32", 1, 1)]                    // one word for all
    [InlineData("add.u64 %rd2, %rd2, 4; ld.global.b32 %r2, [%rd2]", "ld.global.b32", 5, 4)]
    [InlineData("mul.wide.u32 %rd3, %r1, 32; add.u64 %rd3, %rd1, %rd3; ld.global.v4.b32 {%r2, %r3, %r4, %r5}, [%rd3]", "ld.global.v4.b32",
        32, 16)]                                                                         // half of every sector
    [InlineData("mul.wide.u32 %rd3, %r1, 16; add.u64 %rd3, %rd1, %rd3; ld.global.v4.b32 {%r2, %r3, %r4, %r5}, [%rd3]", "ld.global.v4.b32",
        16, 16)]
    [InlineData("mul.wide.u32 %rd3, %r1, 128; add.u64 %rd3, %rd1, %rd3; ld.global.b32 %r2, [%rd3]", "ld.global.b32", 32, 4)]
    public void Sectors_of_a_request(string body, string opcode, long sectors, long least)
    {
        var count = Count(body + "; ret;", opcode);
        Assert.Equal((1, 32, sectors, least), (count.Warps, count.Threads, count.Sectors, count.LeastSectors));
    }

    [Theory]
    [InlineData(4, "st.shared.b32 [%rd5], %r1", "st.shared.b32", 1, 1)]
    [InlineData(8, "st.shared.b32 [%rd5], %r1", "st.shared.b32", 2, 1)]                  // every other bank
    [InlineData(128, "st.shared.b32 [%rd5], %r1", "st.shared.b32", 32, 1)]               // one bank
    [InlineData(132, "st.shared.b32 [%rd5], %r1", "st.shared.b32", 1, 1)]                // a row of 33 words
    [InlineData(16, "st.shared.v4.b32 [%rd5], {%r1, %r1, %r1, %r1}", "st.shared.v4.b32", 4, 4)]
    [InlineData(32, "st.shared.v4.b32 [%rd5], {%r1, %r1, %r1, %r1}", "st.shared.v4.b32", 8, 4)]
    public void Wavefronts_of_a_request(int stride, string store, string opcode, long wavefronts, long least)
    {
        var count = Count($"mov.b64 %rd4, shared; mul.wide.u32 %rd5, %r1, {stride}; add.u64 %rd5, %rd4, %rd5; {store}; ret;", opcode);
        Assert.Equal((wavefronts, least), (count.Wavefronts, count.LeastWavefronts));
    }

    [Fact]
    public void Instructions_by_class_bytes_and_operations()
    {
        var report = PtxRun.Run("""
            ld.global.b32 %f1, [%rd2];
            fma.rn.f32 %f2, %f1, %f1, %f1;
            add.f32 %f2, %f2, %f1;
            st.global.f32 [%rd2], %f2;
            setp.lt.s32 %p1, %r1, 8;
            @%p1 bra L;
            mov.b32 %r2, 0;
            L: ret;
            """, new int[64], threads: 64, options: null);
        Assert.Equal((2, 2), (report.Issued(InstructionClass.GlobalLoad), report.Issued(InstructionClass.GlobalStore)));
        Assert.Equal(4, report.Issued(InstructionClass.Float));
        Assert.Equal(64 * 3, report.FloatOperations);
        Assert.Equal((256, 256), (report.ReadBytes, report.WrittenBytes));
        Assert.Equal(1, report.Instructions.Single(count => count.Instruction.Name == "bra").Divergences);
        Assert.Equal(1, report.SectorRatio);
    }

    [Fact]
    public void Words_that_nobody_has_written_are_counted()
    {
        var data = new int[32];
        data[3] = PtxRun.Sentinel;
        var report = PtxRun.Run("ld.global.b32 %r2, [%rd2]; ret;", data,
            options: new MachineOptions { Poison = unchecked((uint)PtxRun.Sentinel) });
        Assert.Equal(1, report.Instructions.Sum(count => count.PoisonedWords));
    }
}
