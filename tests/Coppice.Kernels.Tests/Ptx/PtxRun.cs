using System.Runtime.InteropServices;
using Coppice.Ptx;
using Coppice.Ptx.Execution;
using Coppice.Ptx.Reports;
using Xunit;

namespace Coppice.Kernels.Tests.Ptx;

/// <summary>Runs hand-written PTX of one group on an array.</summary>
internal static class PtxRun
{
    public const int Sentinel = unchecked((int)0xffa5c3b7);

    /// <summary>An entry of a body that finds the array at %rd1 and the number of its thread in %r1 and %laneid.</summary>
    public static string Entry(string body, string declarations = "") => $$"""
        .version 7.0
        .target sm_80
        .address_size 64
        .visible .entry Test(.param .b64 data)
        {
            .reg .pred %p<8>;
            .reg .b32 %r<64>;
            .reg .b64 %rd<16>;
            .reg .f32 %f<32>;
            {{declarations}}
            ld.param.b64 %rd1, [data];
            mov.b32 %r1, %tid.x;
            mul.wide.u32 %rd2, %r1, 4;
            add.u64 %rd2, %rd1, %rd2;
            {{body}}
        }
        """;

    /// <summary>Runs <paramref name="body"/> on <paramref name="data"/>, which it changes.</summary>
    public static LaunchReport Run(string body, Span<int> data, int threads = 32, int blocks = 1, string declarations = "",
        MachineOptions? options = null) => RunText(Entry(body, declarations), data, threads, blocks, options);

    /// <summary>Runs a whole text.</summary>
    public static unsafe LaunchReport RunText(string text, Span<int> data, int threads = 32, int blocks = 1, MachineOptions? options = null)
    {
        // 256 bytes of alignment, as device memory has, so that sectors do not depend on where an array lies.
        var memory = (int*)NativeMemory.AlignedAlloc((nuint)data.Length * 4, 256);
        try
        {
            data.CopyTo(new Span<int>(memory, data.Length));
            var parameters = BitConverter.GetBytes((long)memory);
            var report = new PtxMachine(options).Run(PtxKernel.Load(text), (blocks, 1, 1), (threads, 1, 1), parameters,
                [new Stretch((long)memory, data.Length * 4L, (long)memory)]);
            new Span<int>(memory, data.Length).CopyTo(data);
            return report;
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }

    /// <summary>Runs a sound body and returns the array.</summary>
    public static int[] Values(string body, int[]? data = null, int threads = 32, int blocks = 1, string declarations = "",
        MachineOptions? options = null)
    {
        var values = data ?? new int[threads * blocks];
        var report = Run(body, values, threads, blocks, declarations, options);
        Assert.Empty(report.Faults);
        return values;
    }
}
