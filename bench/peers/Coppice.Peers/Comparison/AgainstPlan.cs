using System.Globalization;
using System.Text.Json;
using Coppice.Loading;

namespace Coppice.Peers.Comparison;

/// <summary>
/// One session alone on this build of Coppice and on another: groups MODEL/FORMAT for prefill and decode, and MODEL/auto for drafted
/// text.
/// </summary>
/// <param name="coppice">This build.</param>
/// <param name="other">The other build's program.</param>
/// <param name="threads">Threads of either.</param>
internal sealed class AgainstPlan(string coppice, string other, int threads)
{
    /// <summary>What is prefilled: fits the context of the model that ships, with the decoding.</summary>
    public const int PrefillTokens = 256;
    /// <summary>What is decoded.</summary>
    public const int DecodeTokens = 128;

    private static readonly (string Format, string Weights, string Activations)[] Settings =
        [("16", "as-stored", "f32"), ("q8", "q8", "int8"), ("q4", "q4", "int8")];

    private const int DraftedTokens = 96, PromptsOfClass = 2, MostPromptCharacters = 4000;

    /// <summary>Prefill and decode of <paramref name="model"/> in each precision.</summary>
    public IEnumerable<(string Name, IReadOnlyList<EngineRun> Runs)> Speeds(string name, string folder)
    {
        foreach (var (format, weights, activations) in Settings)
        {
            string[] arguments =
            [
                "bench", "--model", folder, "--device", "cpu", "--weights", weights, "--activations", activations, "--kv", "f16",
                "--threads", Text(threads), "--json",
                "--rounds", "3", "--prefill", Text(PrefillTokens), "--decode", Text(DecodeTokens),
            ];
            string[] tests = [$"prefill-{PrefillTokens}", EngineOutput.Decode(DecodeTokens, 0)];
            var setting = $"weights {weights}, activations {activations}";
            yield return ($"{name}/{format}", Both(name, format, setting, arguments, tests, output => EngineOutput.Bench(output)));
        }
    }

    /// <summary>
    /// Text drafted by `auto` after the prompts of the file <paramref name="lines"/>, which <see cref="WritePrompts"/> has written.
    /// </summary>
    public (string Name, IReadOnlyList<EngineRun> Runs) Drafted(string name, string folder, string lines, IReadOnlyList<string> classes)
    {
        string[] arguments =
        [
            "generate", "--model", folder, "--device", "cpu", "--kv", "f16", "--threads", Text(threads), "--json", "--jsonl", lines,
            "--drafter", "auto", "--ignore-eos",
            "--max-tokens", Text(DraftedTokens),
        ];
        string[] tests = [.. classes.Select(kind => $"auto-{kind}")];
        const string setting = "weights as-stored, activations f32, drafter auto";
        return ($"{name}/auto", Both(name, "16", setting, arguments, tests, output => EngineOutput.Generations(output, "auto-")));
    }

    /// <summary>
    /// Writes some prompts of each class of a file of {"class","id","prompt" or "messages"} lines as requests for `generate --jsonl`, one
    /// to warm up before them, and returns the classes. Very long prompts are passed over: the decoding after them is what counts.
    /// </summary>
    public static IReadOnlyList<string> WritePrompts(string source, string target)
    {
        var chosen = File.ReadLines(source).Where(line => line.Length > 0).Select(line => JsonDocument.Parse(line).RootElement)
            .Where(prompt => prompt.GetRawText().Length <= MostPromptCharacters)
            .GroupBy(prompt => prompt.GetProperty("class").GetString()!)
            .Select(kind => (kind.Key, Prompts: kind.Take(PromptsOfClass).ToArray())).ToArray();
        var lines = chosen.SelectMany(kind => kind.Prompts.Select((prompt, index) => Line($"{kind.Key}-{index}", prompt)));
        File.WriteAllLines(target, lines.Prepend(Line(EngineOutput.WarmUp, chosen[0].Prompts[0])));
        return [.. chosen.Select(kind => kind.Key)];
    }

    private static string Line(string id, JsonElement prompt)
    {
        var key = prompt.TryGetProperty("prompt", out _) ? "prompt" : "messages";
        return JsonSerializer.Serialize(new Dictionary<string, object> { ["id"] = id, [key] = prompt.GetProperty(key) });
    }

    private EngineRun[] Both(
        string name, string format, string setting, string[] arguments, string[] tests, Func<string, IReadOnlyList<Measurement>> read) =>
    [
        new EngineRun(Engines.Coppice, name, format, setting, coppice, arguments, tests, read),
        new EngineRun(Engines.Base, name, format, setting, other, arguments, tests, read),
    ];

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
