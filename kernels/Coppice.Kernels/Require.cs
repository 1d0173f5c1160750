using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Coppice.Kernels.Memory;

namespace Coppice.Kernels;

/// <summary>The checks that ops make of their operands, and the texts of what they throw: "op: what must hold, what was found".</summary>
internal static class Require
{
    internal static void Shape(string op, string name, in Tensor tensor, Shape expected)
    {
        if (tensor.IsEmpty || tensor.Shape != expected) ThrowShape(op, name, tensor, expected.ToString());
    }

    internal static void Rows(string op, string name, in Tensor tensor, int rows)
    {
        if (tensor.IsEmpty || tensor.Rows != rows) ThrowShape(op, name, tensor, $"[{rows}, ...]");
    }

    internal static void Type(string op, string name, in Tensor tensor, ElementType expected)
    {
        if (tensor.IsEmpty || tensor.Type != expected) ThrowType(op, name, tensor, expected.ToString());
    }

    internal static void Real(string op, string name, in Tensor tensor)
    {
        if (tensor.IsEmpty || tensor.Type == ElementType.I32) ThrowType(op, name, tensor, "F32, F16 or BF16");
    }

    internal static void Contiguous(string op, string name, in Tensor tensor)
    {
        if (!tensor.IsContiguous) ThrowStride(op, name, tensor);
    }

    internal static void Owner(string op, string name, Backend owner, in Tensor tensor)
    {
        if (tensor.IsEmpty || !ReferenceEquals(tensor.Buffer.Pool.Owner, owner)) ThrowOwner(op, name, owner, tensor);
        if (tensor.Buffer.IsReturned) ThrowReturned(op, name, tensor.Buffer);
    }

    internal static void Owner(string op, string name, Backend owner, [NotNull] WeightMatrix? weight)
    {
        if (weight is null) throw new ArgumentNullException(name, $"{op}: {name} must not be null.");
        if (!ReferenceEquals(weight.Owner, owner))
            throw new ArgumentException($"{op}: {name} must be on {owner.Name}, got {weight.Owner.Name}; load it there first.", name);
        if (weight.Buffer.IsReturned) ThrowReturned(op, name, weight.Buffer);
    }

    /// <summary>F32 and of this back end: what every activation must be.</summary>
    internal static void Activation(string op, string name, Backend owner, in Tensor tensor)
    {
        Type(op, name, tensor, ElementType.F32);
        Owner(op, name, owner, tensor);
    }

    internal static void That([DoesNotReturnIf(false)] bool holds, string op, string what)
    {
        if (!holds) throw new ArgumentException($"{op}: {what}.");
    }

    /// <summary>
    /// The same for a text with values in it, which is made only where the check fails: checks run in the token loop, which allocates
    /// nothing.
    /// </summary>
    internal static void That([DoesNotReturnIf(false)] bool holds, string op,
        [InterpolatedStringHandlerArgument(nameof(holds))] FailureText what)
    {
        if (!holds) throw new ArgumentException($"{op}: {what.Take()}.");
    }

    /// <summary>An interpolated text that stays empty, and evaluates nothing, where the check holds.</summary>
    [InterpolatedStringHandler]
    internal ref struct FailureText
    {
        private DefaultInterpolatedStringHandler _text;

        public FailureText(int literalLength, int formattedCount, bool holds, out bool enabled)
        {
            enabled = !holds;
            if (enabled) _text = new DefaultInterpolatedStringHandler(literalLength, formattedCount);
        }

        public void AppendLiteral(string text) => _text.AppendLiteral(text);

        public void AppendFormatted<T>(T value, string? format = null) => _text.AppendFormatted(value, format);

        internal string Take() => _text.ToStringAndClear();
    }

    internal static void Copy(string op, Backend owner, in Tensor tensor, int elements, int elementSize)
    {
        Contiguous(op, nameof(tensor), tensor);
        if (tensor.IsEmpty || tensor.Shape.Count != elements || tensor.Type.Size() != elementSize)
            throw new ArgumentException(
                $"{op}: the host side must have as many elements of the same size, got {elements} of {elementSize} bytes for {tensor}.");
        Owner(op, nameof(tensor), owner, tensor);
    }

    [DoesNotReturn, StackTraceHidden]
    private static void ThrowShape(string op, string name, in Tensor tensor, string expected) =>
        throw new ArgumentException($"{op}: {name} must be {expected}, got {(tensor.IsEmpty ? "nothing" : tensor.Shape.ToString())}.",
            name);

    [DoesNotReturn, StackTraceHidden]
    private static void ThrowType(string op, string name, in Tensor tensor, string expected) =>
        throw new ArgumentException($"{op}: {name} must be {expected}, got {(tensor.IsEmpty ? "nothing" : tensor.Type.ToString())}.", name);

    [DoesNotReturn, StackTraceHidden]
    private static void ThrowStride(string op, string name, in Tensor tensor) =>
        throw new ArgumentException($"{op}: rows of {name} must be contiguous, got {tensor.Shape} with row stride {tensor.RowStride}.",
            name);

    [DoesNotReturn, StackTraceHidden]
    private static void ThrowOwner(string op, string name, Backend owner, in Tensor tensor) =>
        throw new ArgumentException(
            $"{op}: {name} must be on {owner.Name}, got {(tensor.IsEmpty ? "nothing" : tensor.Buffer.Pool.Owner.Name)}; "
            + "copy it there first.",
            name);

    [DoesNotReturn, StackTraceHidden]
    private static void ThrowReturned(string op, string name, PoolBuffer buffer) =>
        throw new ObjectDisposedException($"{op}: {name} of pool {buffer.Pool.Name}",
            $"{op}: {name} must be in use, but was returned to pool {buffer.Pool.Name}.");
}
