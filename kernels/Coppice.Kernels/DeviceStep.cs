namespace Coppice.Kernels;

/// <summary>What a device is asked for.</summary>
internal enum DeviceStep
{
    /// <summary>An op, a copy, or to wait for them.</summary>
    Op,
    /// <summary>A pool, or a buffer of one.</summary>
    Memory,
}
