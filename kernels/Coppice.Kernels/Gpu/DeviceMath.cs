using System.Reflection;
using ILGPU;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;
using ILGPU.IR.Values;

namespace Coppice.Kernels.Gpu;

/// <summary>Arithmetic that C# can say and ILGPU 1.5.3 cannot: each method is C# on the CPU accelerator and one PTX instruction on a GPU.</summary>
internal static class DeviceMath
{
    /// <summary>a · b + c with one rounding.</summary>
    /// <remarks>Written out, so that no kernel depends on which products the assembler chooses to fuse: part of contract C1.</remarks>
    [IntrinsicImplementation]
    internal static float FusedMultiplyAdd(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);

    /// <summary>Tells ILGPU's PTX compiler about the methods of this class.</summary>
    internal static void Register(Context.Builder builder)
    {
        const BindingFlags any = BindingFlags.Static | BindingFlags.NonPublic;
        var method = typeof(DeviceMath).GetMethod(nameof(FusedMultiplyAdd), any)!;
        var emit = typeof(DeviceMath).GetMethod(nameof(EmitFusedMultiplyAdd), any)!;
        builder.GetIntrinsicManager().RegisterMethod(method, new PTXIntrinsic(emit, IntrinsicImplementationMode.GenerateCode));
    }

    private static void EmitFusedMultiplyAdd(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        var call = (MethodCall)value;
        var a = generator.LoadPrimitive(call[0]);
        var b = generator.LoadPrimitive(call[1]);
        var c = generator.LoadPrimitive(call[2]);
        var result = generator.AllocateHardware(call);
        using var command = generator.BeginCommand("fma.rn.f32");
        command.AppendArgument(result);
        command.AppendArgument(a);
        command.AppendArgument(b);
        command.AppendArgument(c);
    }
}
