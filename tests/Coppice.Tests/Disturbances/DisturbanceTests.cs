using Coppice.Drafting;
using Coppice.Kernels;
using Coppice.Tests.Execution;
using Coppice.Tests.Support;
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
public sealed class DisturbanceTests : IClassFixture<DisturbedModel>
{
    private static readonly bool TakesAll = Environment.GetEnvironmentVariable("COPPICE_DISTURBANCES") == "all";
    private readonly DisturbedModel _world;

    public DisturbanceTests(DisturbedModel world) => _world = world;

    public static TheoryData<string> All => [.. Scenarios.Names];

    public static TheoryData<string> WithSessions => [.. Scenarios.Names.Where(Scenarios.HasSessions)];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory, MemberData(nameof(All))]
    public Task Memory_that_is_refused(string scenario) => ForEveryStepAsync(scenario, DeviceStep.Memory, (_, n) =>
    {
        var error = new DeviceMemoryException($"request {n} is refused");
        return (() => throw error, caught => ReferenceEquals(error, caught));
    });

    [Theory, MemberData(nameof(All))]
    public Task Ops_that_fail(string scenario) => ForEveryStepAsync(scenario, DeviceStep.Op, (_, n) =>
    {
        var error = new LostDeviceException($"op {n} fails");
        return (() => throw error, caught => ReferenceEquals(error, caught));
    });

    [Theory, MemberData(nameof(All))]
    public Task Calls_that_are_cancelled(string scenario) => ForEveryStepAsync(scenario, null, (act, _) =>
        (act.Source.Cancel, caught => caught is OperationCanceledException cancelled && cancelled.CancellationToken == act.Source.Token));

    [Theory, MemberData(nameof(WithSessions))]
    public Task Sessions_that_are_disposed(string scenario) => ForEveryStepAsync(scenario, null, (act, _) =>
        (() => WhileOpWaits(() => act.Stage.First?.Dispose()), caught => caught is ObjectDisposedException));

    /// <summary>Disturbs the n-th step of a scenario, for every n, and plays it once more without.</summary>
    /// <param name="scenario">Its name.</param>
    /// <param name="step">Steps that count; null for all.</param>
    /// <param name="make">Makes the n-th disturbance of a stage, and says which error it must come to.</param>
    private async Task ForEveryStepAsync(
        string scenario, DeviceStep? step,
        Func<(Stage Stage, CancellationTokenSource Source), int, (Action Disturb, Predicate<Exception> IsExpected)> make)
    {
        var device = _world.Device;
        await PlayUndisturbedAsync(scenario);       // a draft model is loaded once
        var (reached, failed) = (0, 0);
        for (var n = 1; ; n += TakesAll || step == DeviceStep.Memory ? 1 : 1 + n / 5)
        {
            var before = _world.Counts();
            using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
            using (var witness = _world.NewWitness())
            {
                using var stage = new Stage(_world.Model, _world.Undisturbed, source.Token);
                var (disturb, isExpected) = make((stage, source), n);
                device.At(step, n, lasts: n % 2 == 0, disturb);
                var error = await Record.ExceptionAsync(() => Scenarios.PlayAsync(scenario, stage));
                device.Calm();
                if (device.Disturbed == 0)
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
            await PlayUndisturbedAsync(scenario);
            _world.CheckNothingIsLost(before, $"{scenario}, step {n}");
        }
        // Where there is nothing to disturb, as the cancellation of what was computed last, a test would say nothing.
        Assert.True(step == DeviceStep.Memory ? reached > 0 : failed > 0, $"{scenario}: {reached} steps were disturbed, {failed} failed");
    }

    private async Task PlayUndisturbedAsync(string scenario)
    {
        using var stage = new Stage(_world.Model, _world.Undisturbed, Cancellation);
        await Scenarios.PlayAsync(scenario, stage);
    }

    /// <summary>
    /// Runs <paramref name="work"/> on another thread, until it waits for this one, which is in the midst of an op, or has ended.
    /// </summary>
    private static void WhileOpWaits(Action work)
    {
        var thread = new Thread(() => work()) { IsBackground = true };
        thread.Start();
        while (thread.IsAlive && !thread.ThreadState.HasFlag(ThreadState.WaitSleepJoin)) Thread.Yield();
    }

    private sealed class LostDeviceException(string message) : Exception(message);
}
