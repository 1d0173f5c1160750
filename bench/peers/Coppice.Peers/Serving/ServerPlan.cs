using System.Globalization;
using System.Reflection;
using Coppice.Peers.Comparison;

namespace Coppice.Peers.Serving;

/// <summary>
/// Clients at once on `coppice serve` and on `llama-server`: groups MODEL/FORMAT/PROMPT+NEW, and with /shared after it where all prompts
/// begin alike. Each number of clients meets a server that has just started.
/// </summary>
/// <param name="coppice">The program `coppice`.</param>
/// <param name="llama">The folder of llama.cpp's programs.</param>
/// <param name="model">The model in both forms.</param>
/// <param name="threads">Threads of either engine.</param>
/// <param name="clients">How many at once, ascending.</param>
/// <param name="prompt">Tokens of a prompt.</param>
/// <param name="newTokens">Tokens that each request generates.</param>
/// <param name="shared">Tokens before the prompt that all requests share, in the group with them.</param>
internal sealed class ServerPlan(
    string coppice, string llama, PeerModel model, int threads, IReadOnlyList<int> clients, int prompt, int newTokens, int shared)
{
    private const int CellsOfSequence = 256;    // llama.cpp gives every sequence a multiple of them
    private const string Any = "{port}";

    private readonly int _vocabulary = ModelInfo.Read(model.Folder).VocabularySize;

    /// <summary>The groups.</summary>
    public IEnumerable<(string Name, IReadOnlyList<EngineRun> Runs)> Groups() =>
        from isShared in (bool[])[false, true]
        from format in (string[])["16", "q8", "q4"]
        let name = $"{prompt}+{newTokens}{(isShared ? ConcurrencyPlan.Shared : "")}"
        select ($"{model.Name}/{format}/{name}", (IReadOnlyList<EngineRun>)[.. Runs(format, name, isShared ? shared : 0)]);

    private IEnumerable<EngineRun> Runs(string format, string name, int before)
    {
        var (weights, activations, types) = format == "16" ? ("as-stored", "bf16", new[] { "f16", "bf16" })
            : (format, "int8", [format + "_0"]);
        foreach (var count in clients)
        {
            var context = (before + prompt + newTokens + CellsOfSequence) / CellsOfSequence * CellsOfSequence;
            foreach (var drafter in (string[])["auto", "none"])
            {
                yield return Run(
                    Engines.Coppice, format, $"weights {weights}, activations {activations}, KV f16, drafter {drafter}", count, name,
                        before, drafter, coppice,
                    "serve", "--model", model.Folder, "--device", "cpu", "--weights", weights, "--activations", activations, "--kv", "f16",
                    "--threads", Text(threads), "--context", Text(context), "--port", Any, "--parallel", Text(clients[^1]));
            }
            foreach (var type in types)
            {
                yield return Run(
                    Engines.Llama, format, type.ToUpperInvariant(), count, name, before, "", Path.Combine(llama, "llama-server"),
                    "-m", $"{model.Gguf}-{type}.gguf", "-t", Text(threads), "-tb", Text(threads), "-c", Text(count * context), "-np",
                    Text(count), "--no-kv-unified",
                    "-b", "2048", "-ub", "512", "-ctk", "f16", "-ctv", "f16", "-fa", "on", "--host", "127.0.0.1", "--port", Any, "--no-ui");
            }
        }
    }

    /// <summary>The tool itself starts the server and is its clients, in a process of its own.</summary>
    private EngineRun Run(
        string engine, string format, string setting, int count, string name, int before, string drafter, string program,
            params string[] arguments)
    {
        var test = $"clients-{Text(count)}/{name}";
        string[] own =
        [
            Assembly.GetExecutingAssembly().Location, "load", "--clients", Text(count), "--prompt-tokens", Text(prompt), "--new-tokens",
                Text(newTokens),
            "--vocabulary", Text(_vocabulary), "--test", test, .. (string[])(before > 0 ? ["--shared-tokens", Text(before)] : []),
            .. (string[])(drafter.Length > 0 ? ["--drafter", drafter] : []), "--", program, .. arguments,
        ];
        return new EngineRun(engine, model.Name, format, setting, Environment.ProcessPath!, own, [test], ServerLoad.Read);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
