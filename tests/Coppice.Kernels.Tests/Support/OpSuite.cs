using Coppice.Kernels.Tests.Reference;
using Xunit;

namespace Coppice.Kernels.Tests.Support;

/// <summary>A suite that runs on one device; sealed subclasses name the device. A device that is absent is reported as skipped.</summary>
public abstract class OpSuite(Device device)
{
    /// <summary>
    /// The trait of the tests that <see cref="TierTests"/> runs again under other settings of the runtime: enough of every kernel, in
    /// seconds.
    /// </summary>
    public const string Settings = "Settings";
    /// <summary>The value of that trait.</summary>
    public const string Every = "every";

    private const int MostReported = 5;
    private int _turn;

    /// <summary>What the suite runs on.</summary>
    public Device Device { get; } = device;

    /// <summary>
    /// Runs every case on the reference and on the device, in each placement and in turn with each number of threads, and compares the
    /// results.
    /// </summary>
    private protected void Check<TCase>(IEnumerable<TCase> cases, Func<Bed, TCase, float[]> run, Func<TCase, Tolerance> tolerance)
        where TCase : ICase =>
        ForEach(cases, c =>
        {
            using var reference = new ReferenceBackend();
            float[] expected;
            using (var bed = new Bed(reference, Placement.Plain, onHost: true)) expected = run(bed, c);
            foreach (var placement in Placements())
            {
                using var bed = NewBed(placement);
                Compare.Within($"{c} on {bed.Backend.Name}, {placement}", expected, run(bed, c), tolerance(c));
                bed.RequireSurroundingsUntouched();
            }
        });

    /// <summary>
    /// Runs <paramref name="check"/> on the cases that the device can do, and fails with the first few failures of them all.
    /// </summary>
    private protected void ForEach<TCase>(IEnumerable<TCase> cases, Action<TCase> check) where TCase : ICase
    {
        Device.Require();
        var selected = Device.Select(cases);
        Assert.NotEmpty(selected);
        var failures = new List<string>();
        foreach (var c in selected)
        {
            try { check(c); }
            catch (Exception e) when (failures.Count < MostReported)
            {
                failures.Add(e is Xunit.Sdk.XunitException ? e.Message : $"{c}: {e}");
            }
            if (failures.Count == MostReported) break;
        }
        if (failures.Count > 0) Assert.Fail(string.Join(Environment.NewLine, failures));
    }

    /// <summary>A bed on the device, on each of its back ends in turn.</summary>
    private protected Bed NewBed(Placement? placement = null) =>
        new(Device.Backends[_turn++ % Device.Backends.Count], placement ?? Placement.Plain, Device.IsOnHost);

    /// <summary>
    /// All placements on the host; elsewhere one in turn, since launches are slow and there are no guard pages to approach from two sides.
    /// </summary>
    private IEnumerable<Placement> Placements() => Device.IsOnHost ? Placement.All : [Placement.All[_turn % Placement.All.Count]];
}
