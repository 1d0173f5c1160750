using System.Globalization;

namespace Coppice.Peers.Comparison;

/// <summary>What a comparison needs: programs, models in both forms, threads.</summary>
/// <param name="Coppice">The program `coppice`.</param>
/// <param name="Llama">The folder of llama.cpp's programs.</param>
/// <param name="Python">A Python interpreter that has PyTorch, if there is one.</param>
/// <param name="Script">pytorch.py.</param>
/// <param name="Models">Models by short name.</param>
/// <param name="Threads">Threads of every engine.</param>
internal sealed record ComparisonSetup(string Coppice, string Llama, string Python, string Script, IReadOnlyList<PeerModel> Models, int Threads);

/// <summary>A model in both forms.</summary>
/// <param name="Name">Its short name.</param>
/// <param name="Folder">Hugging Face's layout, in BF16.</param>
/// <param name="Gguf">Beginning of the GGUF files' paths, which end in -TYPE.gguf.</param>
internal sealed record PeerModel(string Name, string Folder, string Gguf);

/// <summary>Groups of calls that are measured in turn, by name: MODEL/FORMAT, MODEL/depth and MODEL/pytorch.</summary>
internal sealed class ComparisonPlan(ComparisonSetup setup)
{
    /// <summary>Tokens of the two main tests, and of the decoding behind a context.</summary>
    public const int PrefillTokens = 512, DecodeTokens = 128, DepthTokens = 32;
    /// <summary>Contexts whose speeds are set in proportion.</summary>
    public const int ShortDepth = 64, LongDepth = 4096;
    /// <summary>The format that stands for 16 bits beside PyTorch, apart from the other cells.</summary>
    public const string BesideTorch = "pytorch";

    private static readonly string[] MainTests = [$"prefill-{PrefillTokens}", EngineOutput.Decode(DecodeTokens, 0)];
    private static readonly string[] Main = ["--rounds", "1", "--prefill", Text(PrefillTokens), "--decode", Text(DecodeTokens)];
    // So few tokens are over before a process is warm, so a call measures them several times.
    private const int DepthRounds = 5;
    private static readonly string[] Depth = ["--rounds", Text(DepthRounds), "--decode", Text(DepthTokens)];
    private static readonly string[] PeerMain = ["-r", "1", "-p", Text(PrefillTokens), "-n", Text(DecodeTokens)];

    /// <summary>The groups.</summary>
    public IEnumerable<(string Name, IReadOnlyList<EngineRun> Runs)> Groups()
    {
        foreach (var model in setup.Models)
        {
            yield return ($"{model.Name}/16",
            [
                Own(model, "16", "as-stored", "f32", MainTests, Main),
                Peer(model, "16", "f16", MainTests, PeerMain),
                Peer(model, "16", "bf16", MainTests, PeerMain) with { Compared = IsDecode },
            ]);
            foreach (var format in (string[])["q8", "q4"])
            {
                yield return ($"{model.Name}/{format}",
                [
                    Own(model, format, format, "int8", MainTests, Main),
                    Own(model, format, format, "f32", MainTests[1..], "--rounds", "1", "--decode", Text(DecodeTokens)),
                    Peer(model, format, format + "_0", MainTests, PeerMain),
                ]);
            }
        }
        var small = setup.Models[0];
        yield return ($"{small.Name}/depth",
        [
            .. ((int[])[ShortDepth, LongDepth])
                .Select(depth => Own(small, "16", "as-stored", "f32", [EngineOutput.Decode(DepthTokens, depth)],
                    [.. Depth, "--depth", Text(depth)])),
            Peer(small, "16", "f16", [EngineOutput.Decode(DepthTokens, ShortDepth), EngineOutput.Decode(DepthTokens, LongDepth)],
                "-r", Text(DepthRounds), "-p", "0", "-n", Text(DepthTokens), "-d", $"{ShortDepth},{LongDepth}"),
        ]);
        yield return ($"{small.Name}/{BesideTorch}",
            [Own(small, BesideTorch, "as-stored", "f32", MainTests, Main), Torch(small, "f32"), Torch(small, "bf16")]);
    }

    private EngineRun Own(PeerModel model, string format, string weights, string activations, IReadOnlyList<string> tests,
        params string[] test) =>
        new(Engines.Coppice, model.Name, format, $"weights {weights}, activations {activations}, KV f16", setup.Coppice,
        [
            "bench", "--model", model.Folder, "--device", "cpu", "--weights", weights, "--activations", activations, "--kv", "f16",
            "--threads", Text(setup.Threads), "--json", .. test,
        ], tests, output => EngineOutput.Bench(output));

    private EngineRun Peer(PeerModel model, string format, string type, IReadOnlyList<string> tests, params string[] test) =>
        new(Engines.Llama, model.Name, format, type.ToUpperInvariant(), Path.Combine(setup.Llama, "llama-bench"),
            ["-m", $"{model.Gguf}-{type}.gguf", "-t", Text(setup.Threads), "-o", "json", .. test], tests, EngineOutput.LlamaBench);

    private EngineRun Torch(PeerModel model, string type) =>
        new(Engines.Torch, model.Name, BesideTorch, type.ToUpperInvariant(), setup.Python,
        [
            setup.Script, "--model", model.Folder, "--type", type, "--threads", Text(setup.Threads),
            "--prefill", Text(PrefillTokens), "--decode", Text(DecodeTokens),
        ], MainTests, output => EngineOutput.Bench(output));

    private static bool IsDecode(string test) => test.StartsWith("decode", StringComparison.Ordinal);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
