using Coppice.Kernels;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Disturbances;

/// <summary>
/// A model that fails to load, or is cancelled or disposed, at every step of the device, and one with every number of pages: an error that
/// the documentation names, and the device has all of its memory back.
/// </summary>
public sealed class ModelDisturbanceTests(DisturbedModels models) : IClassFixture<DisturbedModels>
{
    private static readonly string[] Played =
    [
        "two turns", "prefill", "shared passes", "fork", "prefix", "save and load", "logits", "many scores", "drafter suffix",
        "drafter draft-model:nodes=9,branches=3,adaptive=false",
    ];

    public static TheoryData<string> Some => [.. Played];

    public static TheoryData<string> SomeWithoutReuse => [.. Played.Where(name => name != "prefix")];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(40, WeightFormat.AsStored, "f32")]
    [InlineData(0, WeightFormat.Q8, "f32")]
    [InlineData(40, WeightFormat.AsStored, "gear4")]
    public async Task Loading_that_is_refused_memory_fails_or_is_cancelled(int pages, WeightFormat format, string kind)
    {
        var options = DisturbedModel.Options(pages, kind) with { WeightFormat = format };
        DeviceStep?[] steps = [DeviceStep.Memory, DeviceStep.Op, null];
        foreach (var step in steps)
        {
            for (var n = 1; ; n++)
            {
                var device = new WatchedDevice();
                using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
                var refused = new DeviceMemoryException($"step {n} is refused");
                device.At(step, n, lasts: n % 2 == 0, step is null ? source.Cancel : () => throw refused);
                var error = Record.Exception(() => Load(device, options, source.Token).Dispose());
                device.Calm();
                if (device.Disturbed == 0) break;
                // A cancellation that comes after the last weights is no longer looked at.
                if (step is null) Assert.True(error is null or OperationCanceledException, $"step {n}: {error}");
                else Assert.Same(refused, error);
                if (error is not null)
                {
                    // The back end is still the caller's, and as good as new.
                    using var model = Load(device, options, Cancellation);
                    if (format == WeightFormat.AsStored && kind == "f32") await PlayAsync(model, "two turns");
                }
                device.CheckEverythingIsFreed();
            }
        }
    }

    [Theory, MemberData(nameof(Some))]
    public async Task Models_that_are_disposed(string scenario)
    {
        var failed = 0;
        for (var n = 1; ; n += DisturbanceTests.TakesAll ? 1 : 1 + n / 3)
        {
            using var world = models.New(40);
            var stage = new Stage(world.Model, models.Undisturbed, Cancellation);
            Thread? disposing = null;
            world.Device.At(null, n, lasts: false, () => disposing = WatchedDevice.RunWhileStepWaits(world.Model.Dispose));
            var error = await Record.ExceptionAsync(() => Scenarios.PlayAsync(scenario, stage));
            world.Device.Calm();
            disposing?.Join();
            Assert.True(error is null or ObjectDisposedException, $"{scenario}, step {n}: {error}");
            failed += error is null ? 0 : 1;
            stage.Dispose();        // after the model
            if (world.Device.Disturbed == 0) break;
        }
        Assert.True(failed > 0);
    }

    [Theory, MemberData(nameof(SomeWithoutReuse))]
    public async Task Pages_that_run_out(string scenario)
    {
        var (refused, played) = (0, 0);
        for (var pages = 1; pages <= 9; pages++)
        {
            using var world = models.New(pages);
            using var stage = new Stage(world.Model, models.Undisturbed, Cancellation);
            var error = await Record.ExceptionAsync(() => Scenarios.PlayAsync(scenario, stage));
            Assert.True(error is null or DeviceMemoryException, $"{scenario}, {pages} pages: {error}");
            if (error is null) played++;
            else refused++;
            stage.Dispose();
            Assert.Equal((0, 0, 0), (world.Counts().Pages, world.Counts().Load, world.Counts().Idle));
        }
        Assert.True(played > 0 && (refused > 0 || scenario.StartsWith("drafter", StringComparison.Ordinal)), $"{played} {refused}");
    }

    private async Task PlayAsync(LanguageModel model, string scenario)
    {
        using var stage = new Stage(model, models.Undisturbed, Cancellation);
        await Scenarios.PlayAsync(scenario, stage);
    }

    private LanguageModel Load(WatchedDevice device, ModelOptions options, CancellationToken cancellation) =>
        LanguageModel.Load(device.Backend, models.Folder, options, cancellation: cancellation);
}
