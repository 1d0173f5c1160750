using Coppice.Decoding.Sampling;
using Coppice.Execution;
using Coppice.Kernels;
using Coppice.Loading;
using Coppice.Models;
using Coppice.Tests.Support;
using Coppice.Weights;
using Xunit;

namespace Coppice.Tests.Models;

/// <summary>Memory comes from counted pools, goes back, and the token loop asks for none.</summary>
public sealed class ResourceTests
{
    [Theory, InlineData(0f), InlineData(0.8f)]
    public void A_decoding_step_allocates_no_managed_memory_after_the_first_steps(float temperature)
    {
        using var folder = new TinyModel();
        using var model = folder.Load();
        using var session = model.NewSession();
        var options = new GenerationOptions
        {
            MaxTokens = 100,
            Temperature = temperature,
            TopK = 40,
            TopP = 0.9f,
            MinP = 0.01f,
            RepetitionPenalty = 1.1f,
            IgnoreEos = true
        };
        session.Ids(TinyModel.Prompt(5), options);      // a first run, in which the runtime compiles
        Assert.Equal(0, session.AllocatedBytesPerToken(TinyModel.Prompt(5, seed: 8), options));
    }

    [Fact]
    public void A_pass_that_is_only_timed_leaves_nothing_behind()
    {
        using var folder = new TinyModel();
        using var model = folder.Load();
        using var session = model.NewSession();
        var expected = session.Greedy(TinyModel.Prompt(5), 60);
        using var timed = model.NewSession();
        List<int> ids = [];
        var least = long.MaxValue;
        while (ids.Count < expected.Length)
        {
            var allocated = GC.GetAllocatedBytesForCurrentThread();
            timed.TimePass(1 + 7 * ids.Count % 16);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - allocated);
            ids.Add(timed.Greedy([.. TinyModel.Prompt(5), .. ids], 1)[0]);
        }
        Assert.Equal(expected, ids);
        Assert.InRange(least, 0, 20_000);       // its request and its tree, nothing of the model's
    }

    [Fact]
    public void What_weights_workspaces_and_caches_rent_they_return()
    {
        using var folder = new TinyModel();
        using var backend = DeviceFactory.Create("cpu", 1);
        var (family, spec) = ModelFamily.Read(ConfigReader.Parse(TinyModel.Llama));
        using var checkpoint = Checkpoint.Open(folder.Folder);
        var plan = CheckpointPlan.Of(checkpoint, spec, family.Map(spec)).Weights;
        var weights = WeightLoader.Load(backend, checkpoint, plan, new WeightSettings(WeightFormat.F32), 1,
            cancellation: TestContext.Current.CancellationToken);
        var used = weights.Pool!.Statistics.BytesInUse;
        Assert.InRange(used, 1, WeightLoader.Bytes(backend, checkpoint, plan, new WeightSettings(WeightFormat.F32)));
        weights.Dispose();
        Assert.Equal((0, used), (weights.Pool.Statistics.BytesInUse, weights.Pool.Statistics.PeakBytes));
        var size = ModelRunner.Sizes(spec, 64);
        var workspace = new Workspace(backend, spec, size);
        Assert.InRange(workspace.BytesInUse, 1, Workspace.Bytes(spec, size));
        workspace.Dispose();
        Assert.Equal(0, workspace.Statistics!.BytesInUse);
    }

    [Fact]
    public void The_token_loop_rents_nothing()
    {
        using var folder = new TinyModel();
        using var model = folder.Load();
        using var runner = new PassRunner(model);
        var pool = model.Backend.CreatePool("kv", model.Runner.Geometry.Bytes(4) + 4096);
        using (var cache = new Coppice.Cache.DenseKvCache(model.Backend, pool, model.Runner.Geometry, 200))
        {
            var rents = pool.Statistics.Rents;
            for (var i = 0; i < 150; i++) runner.Run(cache, [5]);
            Assert.Equal(rents, pool.Statistics.Rents);
        }
        Assert.Equal(0, pool.Statistics.BytesInUse);
        pool.Dispose();
    }
}
