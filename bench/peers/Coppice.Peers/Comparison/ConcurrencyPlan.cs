using System.Globalization;

namespace Coppice.Peers.Comparison;

/// <summary>
/// Several requests at once on Coppice and on llama.cpp: groups MODEL/FORMAT/PROMPT+NEW, and the same with /shared after it.
/// </summary>
/// <param name="coppice">The program `coppice`.</param>
/// <param name="llama">The folder of llama.cpp's programs.</param>
/// <param name="model">The model in both forms.</param>
/// <param name="threads">Threads of either engine.</param>
/// <param name="requests">How many at once, ascending.</param>
/// <param name="prompts">Tokens of a prompt, a group for each.</param>
/// <param name="newTokens">Tokens that each request generates.</param>
internal sealed class ConcurrencyPlan(
    string coppice, string llama, PeerModel model, int threads, IReadOnlyList<int> requests, IReadOnlyList<int> prompts, int newTokens)
{
    /// <summary>What stands after the test's name where all requests have the same prompt.</summary>
    public const string Shared = "/shared";

    private const int CellsOfSequence = 256;    // llama.cpp gives every sequence a multiple of this

    /// <summary>The groups.</summary>
    public IEnumerable<(string Name, IReadOnlyList<EngineRun> Runs)> Groups() =>
        from prompt in prompts
        from shared in (bool[])[false, true]
        from format in (string[])["16", "q8", "q4"]
        select ($"{model.Name}/{format}{Suffix(prompt, shared)}", Runs(format, prompt, shared));

    private IReadOnlyList<EngineRun> Runs(string format, int prompt, bool shared)
    {
        if (format != "16") return [Own(format, format, "int8", prompt, shared), .. Peers(format, format + "_0", prompt, shared)];
        return
        [
            Own(format, "as-stored", "bf16", prompt, shared),
            .. Peers(format, "f16", prompt, shared), .. Peers(format, "bf16", prompt, shared),
        ];
    }

    private EngineRun Own(string format, string weights, string activations, int prompt, bool shared) =>
        new(Engines.Coppice, model.Name, format, $"weights {weights}, activations {activations}, KV f16", coppice,
        [
            "bench", "--model", model.Folder, "--device", "cpu", "--weights", weights, "--activations", activations, "--kv", "f16",
            "--threads", Text(threads),
            "--json", "--rounds", "1", "--concurrency", List(requests), "--prompt-tokens", Text(prompt), "--new-tokens", Text(newTokens),
            "--shared-prefix", Text(shared ? prompt : 0),
        ], Tests(prompt, shared), output => EngineOutput.Bench(output, Suffix(prompt, shared)));

    /// <summary>
    /// With flash attention and without: which is faster depends on the cell. The first number of requests stands before the others and
    /// after them again: see what reads it.
    /// </summary>
    private IEnumerable<EngineRun> Peers(string format, string type, int prompt, bool shared)
    {
        var cells = (prompt + newTokens + CellsOfSequence - 1) / CellsOfSequence * CellsOfSequence;
        foreach (var flash in (string[])["on", "off"])
        {
            string[] arguments =
            [
                "-m", $"{model.Gguf}-{type}.gguf", "-t", Text(threads), "-tb", Text(threads), "-c", Text(requests[^1] * cells),
                "-b", "2048", "-ub", "512", "-ctk", "f16", "-ctv", "f16", "-fa", flash, "-npp", Text(prompt), "-ntg", Text(newTokens),
                "-npl", List([requests[0], .. requests, requests[0]]),
                "--output-format", "jsonl", .. (string[])(shared ? ["-pps"] : []),
            ];
            yield return new EngineRun(Engines.Llama, model.Name, format, $"{type.ToUpperInvariant()}, flash attention {flash}",
                Path.Combine(llama, "llama-batched-bench"), arguments, Tests(prompt, shared),
                output => EngineOutput.BatchedBench(output, Suffix(prompt, shared)));
        }
    }

    private string[] Tests(int prompt, bool shared) =>
        [.. requests.Select(count => EngineOutput.Concurrency(count) + Suffix(prompt, shared))];

    private string Suffix(int prompt, bool shared) => $"/{Text(prompt)}+{Text(newTokens)}{(shared ? Shared : "")}";

    private static string List(IEnumerable<int> numbers) => string.Join(',', numbers.Select(Text));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
