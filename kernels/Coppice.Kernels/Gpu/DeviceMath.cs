using System.Reflection;
using ILGPU;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;
using ILGPU.IR.Values;

namespace Coppice.Kernels.Gpu;

/// <summary>Arithmetic that ILGPU 1.5.3 lacks or approximates too coarsely: plain C# on the CPU accelerator, chosen PTX on a GPU.</summary>
internal static class DeviceMath
{
    /// <summary>a · b + c with one rounding: fma.rn.f32.</summary>
    /// <remarks>Written out, so that no sum depends on which products the assembler chooses to fuse: part of contract C1.</remarks>
    [IntrinsicImplementation]
    internal static float FusedMultiplyAdd(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);

    /// <summary>tanh(x), what MathF.Tanh becomes on a GPU: ILGPU's tanh.approx.f32 errs by up to 5e-4, this by a few units in the last place.</summary>
    /// <remarks>Below 5/8 the minimax polynomial of Cephes (Moshier, tanhf), above it 1 - 2 / (e^2x + 1).</remarks>
    internal static float Tanh(float x)
    {
        var a = MathF.Abs(x);
        if (a < 0.625f)
        {
            var z = x * x;
            var p = FusedMultiplyAdd(z, -5.70498872745e-3f, 2.06390887954e-2f);
            p = FusedMultiplyAdd(z, p, -5.37397155531e-2f);
            p = FusedMultiplyAdd(z, p, 1.33314422036e-1f);
            p = FusedMultiplyAdd(z, p, -3.33332819422e-1f);
            return FusedMultiplyAdd(x * z, p, x);
        }
        var y = 1f - 2f / (MathF.Exp(2f * a) + 1f);
        return x < 0f ? -y : y;
    }

    /// <summary>Tells ILGPU's PTX compiler about the methods of this class.</summary>
    internal static void Register(Context.Builder builder)
    {
        var manager = builder.GetIntrinsicManager();
        manager.RegisterMethod(Method(nameof(FusedMultiplyAdd)), new PTXIntrinsic(Method(nameof(EmitFusedMultiplyAdd)), IntrinsicImplementationMode.GenerateCode));
        manager.RegisterUnaryArithmetic(UnaryArithmeticKind.TanhF, BasicValueType.Float32, new PTXIntrinsic(Method(nameof(Tanh)), IntrinsicImplementationMode.Redirect));
    }

    private static MethodInfo Method(string name) => typeof(DeviceMath).GetMethod(name, BindingFlags.Static | BindingFlags.NonPublic)!;

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
