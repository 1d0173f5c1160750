namespace Coppice.Ptx;

/// <summary>Memory of this process that a launch may touch.</summary>
/// <param name="Address">Of its first byte.</param>
/// <param name="Bytes">How many.</param>
/// <param name="Origin">An address that stands for a multiple of 256, as memory of a device begins at: sectors are counted from it.</param>
public readonly record struct Stretch(long Address, long Bytes, long Origin);
