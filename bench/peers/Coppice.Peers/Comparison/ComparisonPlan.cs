using System.Globalization;

namespace Coppice.Peers.Comparison;

/// <summary>What a comparison needs: programs, models in both forms, threads.</summary>
/// <param name="Coppice">The program `coppice`.</param>
/// <param name="Llama">The folder of llama.cpp's programs.</param>
/// <param name="Python">A Python interpreter that has PyTorch, if there is one.</param>
/// <param name="Script">pytorch.py.</param>
/// <param name="Models">Models by short name.</param>
/// <param name="Threads">Threads of every engine.</param>
/// <param name="Others">Programs with the options and the output of llama-bench, by the name of their engine.</param>
internal sealed record ComparisonSetup(
    string Coppice, string Llama, string Python, string Script, IReadOnlyList<PeerModel> Models, int Threads,
    IReadOnlyList<(string Engine, string Program)> Others);

/// <summary>A model in both forms.</summary>
/// <param name="Name">Its short name.</param>
/// <param name="Folder">Hugging Face's layout, in BF16.</param>
/// <param name="Gguf">Beginning of the GGUF files' paths, which end in -TYPE.gguf.</param>
internal sealed record PeerModel(string Name, string Folder, string Gguf);

/// <summary>Groups of calls that are measured in turn, by name: MODEL/FORMAT, MODEL/depth, MODEL/long and MODEL/pytorch.</summary>
internal sealed class ComparisonPlan(ComparisonSetup setup)
{
    /// <summary>Tokens of the two main tests, and of the decoding after a context.</summary>
    public const int PrefillTokens = 512, DecodeTokens = 128, DepthTokens = 32;
    /// <summary>Prompts whose attention takes long.</summary>
    public static readonly int[] LongPrompts = [4096, 16384];
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
                Own(model, "16", "as-stored", "bf16", MainTests, Main),
                Own(model, "16", "as-stored", "f32", MainTests, Main),
                .. Peers(model, "16", ["f16", "bf16"], MainTests, PeerMain),
            ]);
            foreach (var format in (string[])["q8", "q4"])
            {
                yield return ($"{model.Name}/{format}",
                [
                    Own(model, format, format, "int8", MainTests, Main),
                    Own(model, format, format, "f32", MainTests[1..], "--rounds", "1", "--decode", Text(DecodeTokens)),
                    .. Peers(model, format, TypesOf(format), MainTests, PeerMain),
                ]);
            }
            yield return ($"{model.Name}/long",
            [
                .. from format in ((string Name, string Weights, string Activations)[])
                    [("16", "as-stored", "bf16"), ("q8", "q8", "int8"), ("q4", "q4", "int8")]
                   from tokens in LongPrompts
                   let tests = (string[])[$"prefill-{tokens}"]
                   let types = format.Name == "16" ? ["f16", "bf16"] : TypesOf(format.Name)
                   from run in Peers(model, format.Name, types, tests, "-r", "1", "-n", "0", "-p", Text(tokens)).Prepend(
                       Own(model, format.Name, format.Weights, format.Activations, tests,
                           "--rounds", "1", "--prefill", Text(tokens), "--context", Text(tokens + 64)))
                   select run,
            ]);
        }
        var small = setup.Models[0];
        yield return ($"{small.Name}/depth",
        [
            .. ((int[])[ShortDepth, LongDepth])
                .Select(depth => Own(small, "16", "as-stored", "f32", [EngineOutput.Decode(DepthTokens, depth)],
                    [.. Depth, "--depth", Text(depth)])),
            .. Peers(small, "16", ["f16"], [EngineOutput.Decode(DepthTokens, ShortDepth), EngineOutput.Decode(DepthTokens, LongDepth)],
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

    /// <summary>llama.cpp, and what else reads its files, with each type, flash attention on and off.</summary>
    private IEnumerable<EngineRun> Peers(
        PeerModel model, string format, string[] types, IReadOnlyList<string> tests, params string[] test) =>
        from peer in setup.Others.Prepend((Engine: Engines.Llama, Program: Path.Combine(setup.Llama, "llama-bench")))
        from type in types
        from flash in (string[])["1", "0"]
        select new EngineRun(peer.Engine, model.Name, format,
            $"{type.ToUpperInvariant()}, flash attention {(flash == "1" ? "on" : "off")}", peer.Program,
            ["-m", $"{model.Gguf}-{type}.gguf", "-t", Text(setup.Threads), "-fa", flash, "-o", "json", .. test], tests,
            EngineOutput.LlamaBench);

    /// <summary>What a peer may keep 8 or 4 bits as: the fastest counts.</summary>
    private static string[] TypesOf(string format) => format == "q4" ? ["q4_0", "q4_k_m"] : [format + "_0"];

    private EngineRun Torch(PeerModel model, string type) =>
        new(Engines.Torch, model.Name, BesideTorch, type.ToUpperInvariant(), setup.Python,
        [
            setup.Script, "--model", model.Folder, "--type", type, "--threads", Text(setup.Threads),
            "--prefill", Text(PrefillTokens), "--decode", Text(DecodeTokens),
        ], MainTests, output => EngineOutput.Bench(output));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
