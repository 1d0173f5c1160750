using System.Text.Json.Serialization;

namespace Coppice.Cli;

/// <summary>Where the time of one prompt and of one decoded token goes.</summary>
/// <param name="Device">What computes.</param>
/// <param name="Rows">Ops of a prompt, then those of a decoded token, in the order in which they first ran.</param>
/// <param name="LaunchesPerToken">
/// Kernels that the GPU back end launches for a decoded token, on every device; null where it does not have one of the ops.
/// </param>
internal sealed record ProfileResult(
    string Device,
    IReadOnlyList<ProfileRow> Rows,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] int? LaunchesPerToken);

/// <summary>All calls of one op on one shape, in one pass; times are medians over the rounds.</summary>
/// <param name="Name">prefill-TOKENS or decode-CONTEXT, then the op and its shape.</param>
/// <param name="Calls">In one pass.</param>
/// <param name="Ms">Time of all calls, in milliseconds; each is waited for.</param>
/// <param name="Bytes">Bytes that they must read and write at least.</param>
/// <param name="Gigabytes">Those bytes in a second, in 10⁹.</param>
/// <param name="ShareOfPeak">
/// Time that memory or arithmetic alone would need at the device's peak, as a share of the time taken; null where the peak is unknown. It
/// may exceed 1 where what is read was in a cache.
/// </param>
/// <param name="Launches">Kernels that the GPU back end launches for these calls; null where it does not have the op.</param>
internal sealed record ProfileRow(
    string Name,
    int Calls,
    double Ms,
    long Bytes,
    [property: JsonPropertyName("GBps")] double Gigabytes,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? ShareOfPeak,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] int? Launches);
