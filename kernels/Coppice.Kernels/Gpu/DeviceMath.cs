using System.Reflection;
using ILGPU;
using ILGPU.Backends;
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

    /// <summary><paramref name="value"/>, computed here and once.</summary>
    /// <remarks>
    /// At O2 ILGPU moves pure values next to their uses, so that a division in front of a loop is done anew in every step; a value that
    /// went through this stays.
    /// </remarks>
    [IntrinsicImplementation]
    internal static float Once(float value) => value;

    /// <summary>(word and mask) or bits, in one instruction, which the assembler does not find where both are constants.</summary>
    [IntrinsicImplementation]
    internal static uint Select(uint word, uint mask, uint bits) => (word & mask) | bits;

    /// <summary>c + Σ a_i b_i over the four signed bytes of a and b: dp4a.</summary>
    [IntrinsicImplementation]
    internal static uint Dot4(uint a, uint b, uint c) =>
        (uint)((int)c + (sbyte)a * (sbyte)b + (sbyte)(a >> 8) * (sbyte)(b >> 8)
            + (sbyte)(a >> 16) * (sbyte)(b >> 16) + (sbyte)(a >> 24) * (sbyte)(b >> 24));

    /// <summary>
    /// tanh(x), what MathF.Tanh becomes on a GPU: ILGPU's tanh.approx.f32 errs by up to 5e-4, this by a few units in the last place.
    /// </summary>
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
        manager.RegisterMethod(Method(nameof(FusedMultiplyAdd)),
            new PTXIntrinsic(Method(nameof(EmitFusedMultiplyAdd)), IntrinsicImplementationMode.GenerateCode));
        manager.RegisterMethod(Method(nameof(Once)), new PTXIntrinsic(Method(nameof(EmitOnce)), IntrinsicImplementationMode.GenerateCode));
        manager.RegisterMethod(
            Method(nameof(Select)), new PTXIntrinsic(Method(nameof(EmitSelect)), IntrinsicImplementationMode.GenerateCode));
        manager.RegisterMethod(Method(nameof(Dot4)), new PTXIntrinsic(Method(nameof(EmitDot4)), IntrinsicImplementationMode.GenerateCode));
        manager.RegisterUnaryArithmetic(UnaryArithmeticKind.TanhF, BasicValueType.Float32,
            new PTXIntrinsic(Method(nameof(Tanh)), IntrinsicImplementationMode.Redirect));
    }

    private static MethodInfo Method(string name) => typeof(DeviceMath).GetMethod(name, BindingFlags.Static | BindingFlags.NonPublic)!;

    private static void EmitFusedMultiplyAdd(PTXBackend backend, PTXCodeGenerator generator, Value value) =>
        Emit(generator, (MethodCall)value, "fma.rn.f32", 3);

    private static void EmitOnce(PTXBackend backend, PTXCodeGenerator generator, Value value) =>
        Emit(generator, (MethodCall)value, "mov.f32", 1);

    private static void EmitSelect(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        const long andOr = (0xf0 & 0xcc) | 0xaa;
        Emit(generator, (MethodCall)value, "lop3.b32", 3, andOr);
    }

    private static void EmitDot4(PTXBackend backend, PTXCodeGenerator generator, Value value) =>
        Emit(generator, (MethodCall)value, "dp4a.s32.s32", 3);

    /// <summary>One instruction: the call's result, then its arguments, then perhaps a constant.</summary>
    private static void Emit(PTXCodeGenerator generator, MethodCall call, string instruction, int arguments, long? constant = null)
    {
        var operands = new RegisterAllocator<PTXRegisterKind>.PrimitiveRegister[arguments];
        for (var i = 0; i < arguments; i++) operands[i] = generator.LoadPrimitive(call[i]);
        var result = generator.AllocateHardware(call);
        using var command = generator.BeginCommand(instruction);
        command.AppendArgument(result);
        foreach (var operand in operands) command.AppendArgument(operand);
        if (constant is { } last) command.AppendConstant(last);
    }
}
