using System.Text.Json.Serialization;

namespace Coppice.Cli;

/// <summary>How the records of this folder are written: an interface that scripts rely on, so names are only ever added.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(TokenizeResult))]
[JsonSerializable(typeof(RenderResult))]
[JsonSerializable(typeof(KernelList))]
[JsonSerializable(typeof(FolderInfo))]
[JsonSerializable(typeof(GenerateResult))]
[JsonSerializable(typeof(LineResult))]
[JsonSerializable(typeof(LogitsResult))]
[JsonSerializable(typeof(PerplexityResult))]
[JsonSerializable(typeof(ScoreResult))]
[JsonSerializable(typeof(CalibrateResult))]
[JsonSerializable(typeof(EmbedResult))]
[JsonSerializable(typeof(BenchResult))]
[JsonSerializable(typeof(ProfileResult))]
[JsonSerializable(typeof(SelfTestResult))]
[JsonSerializable(typeof(ConvertResult))]
[JsonSerializable(typeof(DatastoreResult))]
[JsonSerializable(typeof(DumpHiddenResult))]
[JsonSerializable(typeof(DraftsResult))]
[JsonSerializable(typeof(HeadTreeResult))]
[JsonSerializable(typeof(NGramsResult))]
[JsonSerializable(typeof(KvCalibrationResult))]
[JsonSerializable(typeof(SavedConversation))]
[JsonSerializable(typeof(SchemaCheckResult))]
[JsonSerializable(typeof(SchemaTestResult))]
[JsonSerializable(typeof(SchemaTestTimes))]
[JsonSerializable(typeof(ServeResult))]
[JsonSerializable(typeof(PullResult))]
[JsonSerializable(typeof(TuneResult))]
internal sealed partial class CliJson : JsonSerializerContext;
