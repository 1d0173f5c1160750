using BenchmarkDotNet.Running;
using Coppice.Bench;
using Coppice.Bench.Compressed;
using Coppice.Bench.Constraints;
using Coppice.Bench.Dispatch;
using Coppice.Bench.Drafters;
using Coppice.Bench.Drafts;
using Coppice.Bench.Floor;
using Coppice.Bench.Samplers;
using Coppice.Bench.Strategies;
using Coppice.Bench.Texts;
using Coppice.Bench.Tiles;

// coppice-bench [--profile short|standard|analysis] [--model DIR] [--machine NAME] [options of BenchmarkDotNet, such as --filter *MatMul*]
var arguments = new List<string>(args);
BenchResults.MachineName = Take("--machine");
if (arguments is ["dispatch"]) return DispatchBench.Run();
if (arguments is ["constraints", "walks", ..]) return WalkBench.Run(Take);
if (arguments is ["constraints", ..]) return ConstraintBench.Run(Take);
if (arguments is ["tiles", ..]) return TileBench.Run(Take);
if (arguments is ["texts", ..]) return TextBench.Run(Take);
if (arguments is ["floor", ..]) return FloorBench.Run(Take);
if (arguments is ["compressed", ..]) return AttendBench.Run(Take);
if (arguments is ["samplers", ..]) return SamplerBench.Run(Take);
if (arguments is ["strategies", "quality", ..]) return QualityBench.Run(Take);
if (arguments is ["strategies", ..]) return StrategyBench.Run(Take);
if (arguments is ["drafts", "auto", ..]) return DraftsBench.WriteAuto(Take);
if (arguments is ["drafts", ..]) return DraftsBench.Run(Take);
if (arguments is ["drafters", "tables"]) return DrafterBench.Tables();
if (arguments is ["drafters", "again", ..]) return ReplayBench.Run(Take);
if (arguments is ["drafters", ..]) return DrafterBench.Run(Take);
var profile = BenchProfile.Parse(Take("--profile") ?? "standard");
BenchModel.Folder = Take("--model");
var types = typeof(OpBenchmark).Assembly.GetTypes()
    .Where(type => type is { IsPublic: true, IsAbstract: false } && type.IsAssignableTo(typeof(IMeasuredWork))
        && (BenchModel.Folder is not null || !type.IsAssignableTo(typeof(INeedsModel))))
    .OrderBy(type => type.Name, StringComparer.Ordinal).ToArray();
var summaries = BenchmarkSwitcher.FromTypes(types).Run([.. arguments], profile.Config).ToArray();
if (profile.IsKept)
{
    foreach (var summary in summaries) BenchResults.Keep(summary);
}
return summaries.Length > 0
    && summaries.All(summary => summary.Reports.All(report => report.Success) && !summary.HasCriticalValidationErrors) ? 0 : 1;

string? Take(string option)
{
    var at = arguments.IndexOf(option);
    if (at < 0) return null;
    if (at + 1 >= arguments.Count) throw new ArgumentException($"{option}: a value must follow it.");
    var value = arguments[at + 1];
    arguments.RemoveRange(at, 2);
    return value;
}
