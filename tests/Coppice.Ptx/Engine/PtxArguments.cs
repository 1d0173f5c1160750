using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;

namespace Coppice.Ptx.Engine;

/// <summary>Arguments of a launch as ILGPU puts them into parameter memory: a view as address and length, a struct as its fields.</summary>
internal sealed class PtxArguments
{
    private static readonly ConcurrentDictionary<Type, FieldInfo[]> Fields = new();
    private readonly List<byte> _bytes = [];

    /// <summary>The bytes so far.</summary>
    public byte[] Bytes => [.. _bytes];

    /// <summary>Memory that the views are of.</summary>
    public List<Stretch> Memory { get; } = [];

    /// <summary>Appends one argument at its alignment.</summary>
    public void Add(object value)
    {
        var type = value.GetType();
        Align(AlignmentOf(type));
        AddValue(type, value);
        if (!type.IsPrimitive) Align(AlignmentOf(type));
    }

    private void AddValue(Type type, object value)
    {
        Align(AlignmentOf(type));
        if (IsView(type)) AddView(value);
        else if (type.IsEnum) AddValue(Enum.GetUnderlyingType(type), Convert.ChangeType(value, Enum.GetUnderlyingType(type),
            System.Globalization.CultureInfo.InvariantCulture));
        else if (type.IsPrimitive) AddPrimitive(value);
        else
        {
            foreach (var field in FieldsOf(type)) AddValue(field.FieldType, field.GetValue(value)!);
            Align(AlignmentOf(type));
        }
    }

    private void AddPrimitive(object value)
    {
        switch (value)
        {
            case int v: Append(v); break;
            case uint v: Append(v); break;
            case long v: Append(v); break;
            case ulong v: Append(v); break;
            case float v: Append(v); break;
            case double v: Append(v); break;
            case byte v: Append(v); break;
            case ushort v: Append(v); break;
            default: throw new NotSupportedException($"an argument of type {value.GetType()} is not known here");
        }
    }

    private void AddView(object value)
    {
        var method = typeof(PtxArguments).GetMethod(nameof(Parts), BindingFlags.NonPublic | BindingFlags.Static)!
            .MakeGenericMethod(value.GetType().GetGenericArguments()[0]);
        var (count, stretch) = ((long, Stretch))method.Invoke(null, [value])!;
        Append(stretch.Address);
        Append(count);
        if (count > 0) Memory.Add(stretch);
    }

    /// <summary>Elements of a view and where they lie; its buffer begins where a device's allocation would.</summary>
    private static (long, Stretch) Parts<T>(ArrayView<T> view) where T : unmanaged
    {
        if (view.Length == 0) return (0, default);
        var buffer = (MemoryBuffer)typeof(ArrayView<T>)
            .GetProperty("Buffer", BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)!.GetValue(view)!;
        return (view.Length, new Stretch(view.LoadEffectiveAddressAsPtr(), view.Length * Interop.SizeOf<T>(), buffer.NativePtr));
    }

    private void Append<T>(T value) where T : unmanaged => _bytes.AddRange(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));

    private void Align(int alignment)
    {
        while (_bytes.Count % alignment != 0) _bytes.Add(0);
    }

    private static bool IsView(Type type) => type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ArrayView<>);

    private static FieldInfo[] FieldsOf(Type type) => Fields.GetOrAdd(type, t =>
        [.. t.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).OrderBy(field => field.MetadataToken)]);

    private static int AlignmentOf(Type type)
    {
        if (IsView(type)) return 8;
        if (type.IsEnum) return AlignmentOf(Enum.GetUnderlyingType(type));
        if (type.IsPrimitive) return Marshal.SizeOf(type);
        return FieldsOf(type).Select(field => AlignmentOf(field.FieldType)).DefaultIfEmpty(1).Max();
    }
}
