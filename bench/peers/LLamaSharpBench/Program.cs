using System.Diagnostics;
using System.Globalization;
using LLama;
using LLama.Common;
using LLama.Native;

// LLamaSharp in process, measured as llama-bench measures llama.cpp, with its options and its output:
// -m FILE -t N -p N -n N -d N[,N] -fa 0|1 -r N -o json
var (threads, prompt, generated, repetitions) = (Number("-t", 2), Number("-p", 512), Number("-n", 128), Number("-r", 1));
int[] depths = [.. (Text("-d") ?? "0").Split(',').Select(depth => int.Parse(depth, CultureInfo.InvariantCulture))];
const int Batch = 2048;
NativeLibraryConfig.All.WithLogCallback((_, _) => { });
var parameters = new ModelParams(Text("-m") ?? throw new ArgumentException("-m: a GGUF file must be named."))
{
    ContextSize = (uint)Math.Max(prompt, depths.Max() + generated) + 32,
    BatchSize = Batch,
    UBatchSize = 512,
    Threads = threads,
    BatchThreads = threads,
    GpuLayerCount = 0,
    FlashAttention = Number("-fa", 1) == 1,
    TypeK = GGMLType.GGML_TYPE_F16,
    TypeV = GGMLType.GGML_TYPE_F16,
};
using var weights = LLamaWeights.LoadFromFile(parameters);
using var context = weights.CreateContext(parameters);
var vocabulary = weights.NativeHandle.Vocab.Count;
var rows = new List<string>();
foreach (var depth in depths)
{
    if (prompt > 0 && depth == 0) Add(prompt, 0, 0);
    if (generated > 0) Add(0, generated, depth);
}
Console.WriteLine($"[{string.Join(",\n", rows)}]");

void Add(int tokens, int steps, int depth)
{
    var sum = 0.0;
    for (var repetition = -1; repetition < repetitions; repetition++)
    {
        context.NativeHandle.MemoryClear(true);
        if (depth > 0) Read(depth, 0);
        var start = Stopwatch.GetTimestamp();
        if (tokens > 0) Read(tokens, 0);
        for (var step = 0; step < steps; step++) Read(1, depth + step);
        if (repetition >= 0) sum += (tokens + steps) / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
    rows.Add(string.Create(CultureInfo.InvariantCulture,
        $$"""{"n_prompt": {{tokens}}, "n_gen": {{steps}}, "n_depth": {{depth}}, "avg_ts": {{sum / repetitions:0.000}}}"""));
}

// Tokens without meaning, as llama-bench takes them; logits of the last one.
void Read(int count, int position)
{
    for (var done = 0; done < count;)
    {
        var part = Math.Min(Batch, count - done);
        var batch = new LLamaBatch();
        for (var i = 0; i < part; i++)
        {
            var at = position + done + i;
            batch.Add((LLamaToken)(int)((at * 7919L + 12345) % vocabulary), at, LLamaSeqId.Zero, i == part - 1);
        }
        if (context.Decode(batch) != DecodeResult.Ok)
            throw new InvalidOperationException($"llama_decode failed at position {position + done}.");
        done += part;
    }
    context.NativeHandle.Synchronize();
}

string? Text(string option)
{
    var at = Array.IndexOf(args, option);
    return at < 0 || at + 1 >= args.Length ? null : args[at + 1];
}

int Number(string option, int otherwise) => Text(option) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
