using Coppice.Ptx.Execution;
using Coppice.Ptx.Reports;
using Xunit;

namespace Coppice.Kernels.Tests.Ptx;

/// <summary>Kernels that are wrong on purpose: each must be caught, and its sound neighbour must not.</summary>
public sealed class FaultTests
{
    private const string Shared = ".shared .align 16 .b8 shared[4096];";

    /// <summary>%rd5 is the thread's own word of shared memory, %rd6 its neighbour's.</summary>
    private const string Words = """
        mov.b64 %rd4, shared;
        mul.wide.u32 %rd5, %r1, 4;
        add.u64 %rd5, %rd4, %rd5;
        xor.b32 %r2, %r1, 1;
        mul.wide.u32 %rd6, %r2, 4;
        add.u64 %rd6, %rd4, %rd6;

        """;

    private static void Catches(FaultKind kind, string body, int threads = 64, int blocks = 1, int words = 1024)
    {
        var report = PtxRun.Run(Words + body, new int[words], threads, blocks, Shared, new MachineOptions { MostInstructions = 100_000 });
        Assert.True(report.Faults.Any(fault => fault.Kind == kind), $"no {kind}, but: {string.Join("; ", report.Faults)}");
        Assert.All(report.Faults, fault => Assert.True(fault.Line > 0));
    }

    private static void Holds(string body, int threads = 64, int blocks = 1) =>
        Assert.Empty(PtxRun.Run(Words + body, new int[1024], threads, blocks, Shared).Faults);

    [Fact]
    public void Addresses_outside_what_a_launch_was_given()
    {
        Catches(FaultKind.OutOfBounds, "ld.global.b32 %r3, [%rd2+4096]; ret;");
        Catches(FaultKind.OutOfBounds, "st.global.b32 [%rd2-4], %r1; ret;");
        Catches(FaultKind.OutOfBounds, "ld.global.v4.b32 {%r3, %r4, %r5, %r6}, [%rd1+4096]; ret;");
        Catches(FaultKind.OutOfBounds, "st.shared.b32 [%rd5+4096], %r1; ret;");
        Catches(FaultKind.OutOfBounds, "mov.b64 %rd3, 16; ld.global.b32 %r3, [%rd3]; ret;");
        Holds("ld.global.b32 %r3, [%rd2]; st.global.b32 [%rd2], %r3; ret;");
    }

    [Fact]
    public void Addresses_that_are_not_aligned()
    {
        Catches(FaultKind.Misaligned, "ld.global.b32 %r3, [%rd2+2]; ret;");
        Catches(FaultKind.Misaligned, "ld.global.v4.b32 {%r3, %r4, %r5, %r6}, [%rd2]; ret;");
        Catches(FaultKind.Misaligned, "st.shared.v2.b32 [%rd5], {%r1, %r1}; ret;");
    }

    [Fact]
    public void Registers_and_memory_that_nobody_has_written()
    {
        Catches(FaultKind.UnwrittenRegister, "add.s32 %r3, %r4, 1; ret;");
        Catches(FaultKind.UnwrittenRegister, "@%p3 add.s32 %r3, %r1, 1; ret;");
        // Written by half of the lanes alone.
        Catches(FaultKind.UnwrittenRegister, "setp.lt.s32 %p1, %r1, 16; @%p1 mov.b32 %r3, 1; st.global.b32 [%rd2], %r3; ret;");
        Catches(FaultKind.UnwrittenMemory, "ld.shared.b32 %r3, [%rd5]; ret;");
        Holds("st.shared.b32 [%rd5], %r1; ld.shared.b32 %r3, [%rd5]; ret;");
    }

    [Fact]
    public void Races_in_shared_memory()
    {
        // A neighbour's word, in the same warp, with and without something that orders the two.
        Catches(FaultKind.Race, "st.shared.b32 [%rd5], %r1; ld.shared.b32 %r3, [%rd6]; ret;", threads: 32);
        Holds("st.shared.b32 [%rd5], %r1; bar.warp.sync 0xffffffff; ld.shared.b32 %r3, [%rd6]; ret;", threads: 32);
        Holds("st.shared.b32 [%rd5], %r1; bar.sync 0; ld.shared.b32 %r3, [%rd6]; ret;");
        // Write after read.
        Catches(FaultKind.Race, """
            st.shared.b32 [%rd5], %r1; bar.sync 0; ld.shared.b32 %r3, [%rd6]; st.shared.b32 [%rd5], %r3; ret;
            """);
        Holds("st.shared.b32 [%rd5], %r1; bar.sync 0; ld.shared.b32 %r3, [%rd6]; bar.sync 0; st.shared.b32 [%rd5], %r3; ret;");
        // All lanes write one word.
        Catches(FaultKind.Race, "st.shared.b32 [%rd4], %r1; ret;", threads: 32);
        // Another warp's word: a barrier of the warp does not order them.
        Catches(FaultKind.Race, """
            st.shared.b32 [%rd5], %r1; bar.warp.sync 0xffffffff; xor.b32 %r2, %r1, 32; mul.wide.u32 %rd6, %r2, 4;
            add.u64 %rd6, %rd4, %rd6; ld.shared.b32 %r3, [%rd6]; ret;
            """);
    }

    [Fact]
    public void Races_in_global_memory()
    {
        Catches(FaultKind.Race, "st.global.b32 [%rd1], %r1; ret;");
        Catches(FaultKind.Race, "st.global.b32 [%rd2], %r1; ld.global.b32 %r3, [%rd1]; ret;");
        Catches(FaultKind.Race, "ld.global.b32 %r3, [%rd1]; st.global.b32 [%rd2], %r3; ret;");
        // A barrier orders the threads of a block and no others.
        const string byNeighbour = """
            add.u64 %rd3, %rd2, 256; st.global.b32 [%rd2], %r1; bar.sync 0; xor.b32 %r2, %r1, 63; mul.wide.u32 %rd6, %r2, 4;
            add.u64 %rd6, %rd1, %rd6; ld.global.b32 %r3, [%rd6]; st.global.b32 [%rd3], %r3; ret;
            """;
        Holds(byNeighbour);
        Catches(FaultKind.Race, byNeighbour, blocks: 2);
        Holds("red.global.add.u32 [%rd1], 1; ret;", blocks: 2);
        // Lanes of a warp are ordered by its own barrier; other warps are not.
        const string firstLane = "setp.eq.s32 %p1, %r1, 0; @%p1 st.global.b32 [%rd1], %r1; ret;";
        Catches(FaultKind.Race, "ld.global.b32 %r3, [%rd1]; " + firstLane, threads: 32);
        Holds("ld.global.b32 %r3, [%rd1]; bar.warp.sync 0xffffffff; " + firstLane, threads: 32);
        Catches(FaultKind.Race, "ld.global.b32 %r3, [%rd1]; bar.warp.sync 0xffffffff; " + firstLane, threads: 64);
        Holds("ld.global.b32 %r3, [%rd1]; bar.sync 0; " + firstLane, threads: 64);
    }

    [Fact]
    public void Barriers_that_not_all_threads_reach()
    {
        Catches(FaultKind.DivergentBarrier, "setp.lt.s32 %p1, %r1, 7; @%p1 bar.sync 0; ret;");
        Catches(FaultKind.DivergentBarrier, "setp.lt.s32 %p1, %r1, 7; @%p1 bra L; bar.sync 0; L: ret;");
        Catches(FaultKind.DivergentBarrier, "setp.lt.s32 %p1, %r1, 32; @%p1 bra L; bar.sync 0; L: ret;");       // a whole warp is missing
        Catches(FaultKind.DivergentBarrier, "setp.lt.s32 %p1, %r1, 32; @%p1 bra L; bar.sync 1; ret; L: bar.sync 2; ret;");
    }

    [Fact]
    public void Shuffles_without_all_the_lanes_that_they_name()
    {
        Catches(FaultKind.MissingLanes, "setp.lt.s32 %p1, %r1, 7; @%p1 shfl.sync.bfly.b32 %r3, %r1, 1, 31, 0xffffffff; ret;");
        Catches(FaultKind.MissingLanes, "setp.lt.s32 %p1, %r1, 7; @%p1 ret; shfl.sync.bfly.b32 %r3, %r1, 1, 31, 0xffffffff; ret;");
        Catches(FaultKind.MissingLanes, "shfl.sync.bfly.b32 %r3, %r1, 1, 31, 0x0000ffff; ret;");
        Holds("setp.lt.s32 %p1, %r1, 8; @%p1 shfl.sync.bfly.b32 %r3, %r1, 1, 31, 0xff; ret;", threads: 32);
    }

    [Fact]
    public void Copies_that_were_not_waited_for()
    {
        const string begin = "mul.wide.u32 %rd7, %r1, 16; add.u64 %rd8, %rd4, %rd7; add.u64 %rd7, %rd1, %rd7; "
            + "cp.async.cg.shared.global [%rd8], [%rd7], 16; cp.async.commit_group; ";
        Catches(FaultKind.PendingCopy, begin + "ret;");
        Catches(FaultKind.PendingCopy, begin + "ld.shared.b32 %r3, [%rd8]; cp.async.wait_group 0; ret;");
        Catches(FaultKind.PendingCopy, begin + "cp.async.wait_group 1; ld.shared.b32 %r3, [%rd8]; ret;");
        Catches(FaultKind.PendingCopy, begin + "st.shared.b32 [%rd8], %r1; cp.async.wait_all; ret;");
        // Waited for by the thread that began it: others need a barrier.
        Catches(FaultKind.Race, begin + "cp.async.wait_group 0; xor.b32 %r2, %r1, 1; mul.wide.u32 %rd7, %r2, 16; add.u64 %rd8, %rd4, %rd7; "
            + "ld.shared.b32 %r3, [%rd8]; ret;");
        Holds(begin + "cp.async.wait_group 0; ld.shared.b32 %r3, [%rd8]; ret;");
    }

    [Fact]
    public void Loops_that_do_not_end() => Catches(FaultKind.Endless, "L: bra L;");
}
