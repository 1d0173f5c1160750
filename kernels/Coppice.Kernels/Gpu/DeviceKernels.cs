using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Coppice.Kernels.Numerics;

namespace Coppice.Kernels.Gpu;

/// <summary>A kernel closed over its type arguments, as a device runs it.</summary>
/// <param name="Name">"MatMulRow(BF16, AlignedRow)".</param>
/// <param name="Method">The closed method.</param>
/// <param name="GroupSize">Threads of a group at most.</param>
internal sealed record DeviceKernel(string Name, MethodInfo Method, int GroupSize)
{
    /// <summary>The name as a file name.</summary>
    internal string FileName =>
        Name.Replace("(", "_", StringComparison.Ordinal).Replace(", ", "_", StringComparison.Ordinal).Replace(")", "",
            StringComparison.Ordinal);
}

/// <summary>Every kernel of the GPU back end, closed over every reader, activation, element type and row.</summary>
/// <remarks>
/// Found by the rule that kernels are static methods of <see cref="GpuBackend"/> whose names end in Kernel, so that none can be forgotten.
/// </remarks>
[RequiresDynamicCode("Kernels are closed over their types at run time.")]
[RequiresUnreferencedCode("A reader that was trimmed has no kernels.")]
internal static class DeviceKernels
{
    private static readonly Type[] Elements = [typeof(DeviceF32), typeof(DeviceF16), typeof(DeviceBF16)];

    /// <summary>All of them, by name.</summary>
    internal static IReadOnlyList<DeviceKernel> All { get; } = [.. Methods().SelectMany(Closures).OrderBy(kernel => kernel.Name,
        StringComparer.Ordinal)];

    private static IEnumerable<MethodInfo> Methods() =>
        typeof(GpuBackend).GetMethods(BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public)
            .Where(method => method.Name.EndsWith("Kernel", StringComparison.Ordinal));

    private static IEnumerable<DeviceKernel> Closures(MethodInfo method)
    {
        var groupSize = method.GetCustomAttribute<GroupSizeAttribute>()?.Threads
            ?? throw new InvalidOperationException($"kernels: {method.Name} must say its group size, got no {nameof(GroupSizeAttribute)}.");
        var name = method.Name[..^"Kernel".Length];
        if (!method.IsGenericMethodDefinition)
        {
            yield return new DeviceKernel(name, method, groupSize);
            yield break;
        }
        var choices = method.GetGenericArguments().Select(Candidates).ToArray();
        foreach (var types in Product(choices, 0))
            yield return new DeviceKernel($"{name}({string.Join(", ", types.Select(Short))})", method.MakeGenericMethod([.. types]),
                groupSize);
    }

    private static IEnumerable<IEnumerable<Type>> Product(Type[][] choices, int from) =>
        from == choices.Length ? [[]] : choices[from].SelectMany(type => Product(choices, from + 1).Select(rest => rest.Prepend(type)));

    private static Type[] Candidates(Type parameter)
    {
        var constraint = parameter.GetGenericParameterConstraints().First(type => type.IsInterface);
        if (constraint.IsGenericType) return Elements;
        return [.. typeof(DeviceKernels).Assembly.GetTypes()
            .Where(type => type.IsValueType && type.GetInterfaces().Contains(constraint))
            .SelectMany(type => type.IsGenericTypeDefinition ? Closures(type) : [type])];
    }

    private static IEnumerable<Type> Closures(Type definition) =>
        Product([.. definition.GetGenericArguments().Select(Candidates)], 0).Select(types => definition.MakeGenericType([.. types]));

    private static string Short(Type type)
    {
        if (type.GetInterfaces().Contains(typeof(IActivation))) return type.Name;
        var name = type.Name.Split('`')[0];
        foreach (var part in new[] { "Device", "Reader", "Pages", "Weights" }) name = name.Replace(part, "", StringComparison.Ordinal);
        return string.Join(' ', type.GetGenericArguments().Select(Short).Prepend(name)).TrimStart();
    }
}
