namespace Coppice.Kernels;

/// <summary>How one element of a tensor is stored. Arithmetic is F32 whatever the storage.</summary>
public enum ElementType
{
    /// <summary>IEEE binary32.</summary>
    F32,
    /// <summary>IEEE binary16.</summary>
    F16,
    /// <summary>The upper half of a binary32.</summary>
    BF16,
    /// <summary>Signed 32-bit integer: token ids, positions, slots, indices.</summary>
    I32,
}

/// <summary>Sizes of element types.</summary>
public static class ElementTypeExtensions
{
    /// <summary>Bytes of one element.</summary>
    public static int Size(this ElementType type) => type is ElementType.F16 or ElementType.BF16 ? 2 : 4;
}
