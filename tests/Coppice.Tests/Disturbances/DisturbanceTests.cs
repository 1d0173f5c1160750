using Coppice.Kernels;
using Xunit;

namespace Coppice.Tests.Disturbances;

/// <summary>
/// Every request for memory refused, every op failed, every moment cancelled, and a session disposed at every moment: the call ends with
/// that error, its session and all others go on with the tokens that they have undisturbed, and no byte and no page is lost.
/// </summary>
/// <remarks>
/// The n-th step of the device is disturbed, for n from 1 until the scenario comes to its end first. COPPICE_DISTURBANCES=all takes every
/// n; without it a sample does, of requests for memory all. Half of the disturbances last until the scenario has ended: what cleans up is
/// disturbed too.
/// </remarks>
public sealed class DisturbanceTests(DisturbedModels models) : IClassFixture<DisturbedModels>
{
    internal static readonly bool TakesAll = Environment.GetEnvironmentVariable("COPPICE_DISTURBANCES") == "all";
    private static readonly string[] OtherKinds = ["own pages", "compressed, shared", "compressed"];
    private static readonly string[] OfOtherKinds = ["two turns", "fork", "save and load", "many scores"];

    /// <summary>Every scenario with shared pages, and some with other kinds of caches.</summary>
    public static TheoryData<string, string> All => Cases(_ => true);

    public static TheoryData<string, string> WithSessions => Cases(Scenarios.HasSessions);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory, MemberData(nameof(All))]
    public Task Memory_that_is_refused(string scenario, string kind) => ForEveryStepAsync(scenario, kind, DeviceStep.Memory, (_, n) =>
    {
        var error = new DeviceMemoryException($"request {n} is refused");
        return (() => throw error, caught => ReferenceEquals(error, caught));
    });

    [Theory, MemberData(nameof(All))]
    public Task Ops_that_fail(string scenario, string kind) => ForEveryStepAsync(scenario, kind, DeviceStep.Op, (_, n) =>
    {
        var error = new LostDeviceException($"op {n} fails");
        return (() => throw error, caught => ReferenceEquals(error, caught));
    });

    [Theory, MemberData(nameof(All))]
    public Task Calls_that_are_cancelled(string scenario, string kind) => ForEveryStepAsync(scenario, kind, null, (act, _) =>
        (act.Source.Cancel, caught => caught is OperationCanceledException cancelled && cancelled.CancellationToken == act.Source.Token));

    [Theory, MemberData(nameof(WithSessions))]
    public Task Sessions_that_are_disposed(string scenario, string kind) => ForEveryStepAsync(scenario, kind, null, (act, _) =>
        (() => WatchedDevice.RunWhileStepWaits(() => act.Stage.First?.Dispose()), caught => caught is ObjectDisposedException));

    private static TheoryData<string, string> Cases(Func<string, bool> has)
    {
        var cases = new TheoryData<string, string>();
        foreach (var name in Scenarios.Names.Where(has)) cases.Add(name, "shared pages");
        foreach (var kind in OtherKinds)
        {
            foreach (var name in OfOtherKinds.Where(has)) cases.Add(name, kind);
        }
        return cases;
    }

    /// <summary>Disturbs the n-th step of a scenario, for every n, and plays it once more without.</summary>
    /// <param name="scenario">Its name.</param>
    /// <param name="kind">How keys and values are kept.</param>
    /// <param name="step">Steps that count; null for all.</param>
    /// <param name="make">Makes the n-th disturbance of a stage, and says which error it must come to.</param>
    private async Task ForEveryStepAsync(
        string scenario, string kind, DeviceStep? step,
        Func<(Stage Stage, CancellationTokenSource Source), int, (Action Disturb, Predicate<Exception> IsExpected)> make)
    {
        var world = models[kind];
        // A draft model is loaded once, and what an op needs beside its operands is taken once.
        await PlayUndisturbedAsync(world, scenario);
        using (var witness = world.NewWitness()) witness.Finish();
        var (reached, failed) = (0, 0);
        for (var n = 1; ; n += TakesAll || step == DeviceStep.Memory ? 1 : 1 + n / 5)
        {
            var before = world.Counts();
            using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
            using (var witness = world.NewWitness())
            {
                using var stage = new Stage(world.Model, world.Undisturbed, source.Token);
                var (disturb, isExpected) = make((stage, source), n);
                world.Device.At(step, n, lasts: n % 2 == 0, disturb);
                var error = await Record.ExceptionAsync(() => Scenarios.PlayAsync(scenario, stage));
                world.Device.Calm();
                if (world.Device.Disturbed == 0)
                {
                    Assert.Null(error);
                    break;
                }
                reached++;
                if (error is not null)
                {
                    failed++;
                    Assert.True(isExpected(error), $"{scenario}, step {n}: {error}");
                }
                witness.Finish();
            }
            await PlayUndisturbedAsync(world, scenario);
            world.CheckNothingIsLost(before, $"{scenario}, step {n}");
        }
        // Where there is nothing to disturb, as the cancellation of what was computed last, a test would say nothing.
        Assert.True(step == DeviceStep.Memory ? reached > 0 : failed > 0, $"{scenario}: {reached} steps were disturbed, {failed} failed");
    }

    private static async Task PlayUndisturbedAsync(DisturbedModel world, string scenario)
    {
        using var stage = new Stage(world.Model, world.Undisturbed, Cancellation);
        await Scenarios.PlayAsync(scenario, stage);
    }

    private sealed class LostDeviceException(string message) : Exception(message);
}
