using System.Diagnostics;
using System.Globalization;
using Coppice.Peers.Comparison;
using Coppice.Peers.Models;

namespace Coppice.Peers;

/// <summary>The tool behind bench/peers/run: compares Coppice with llama.cpp, and makes tables of the results.</summary>
internal static class Program
{
    private const string Usage = """
        compare --coppice EXE --llama DIR --cache DIR [--small DIR] [--python EXE] [--quick | --rounds N] [--threads N] [--only GROUP]... [--add] [--json F]
        prepare --coppice EXE --llama DIR --cache DIR [--small DIR]      models and GGUF files only
        errors  --coppice EXE --llama DIR --cache DIR                    Frobenius errors of llama.cpp's quantisers on the random model
        tables                                                           bench/results/*/peers.md and README.md from bench/results/*/peers.json
        """;

    private static int Main(string[] args)
    {
        try
        {
            var arguments = new Arguments(args.Skip(1));
            switch (args.FirstOrDefault())
            {
                case "compare": Compare(arguments); break;
                case "prepare": Prepare(arguments); break;
                case "errors": Errors(arguments); break;
                case "tables": ResultPages.Write(Repository()); break;
                default: throw new ArgumentException(Usage);
            }
            return 0;
        }
        catch (Exception error) when (error is ArgumentException or InvalidDataException or InvalidOperationException or IOException or EngineException)
        {
            Console.Error.WriteLine($"peers: {error.Message}");
            return 1;
        }
    }

    private static void Compare(Arguments arguments)
    {
        var threads = arguments.Number("--threads") ?? Environment.ProcessorCount;
        var rounds = arguments.Number("--rounds") ?? (arguments.Flag("--quick") ? 3 : 5);
        var (json, add, only) = (arguments.Text("--json"), arguments.Flag("--add"), arguments.All("--only"));
        var models = Prepare(arguments);
        var setup = new ComparisonSetup(arguments.Required("--coppice"), arguments.Required("--llama"),
            arguments.Text("--python") ?? "python3", Path.Combine(Repository(), "bench", "peers", "pytorch.py"), models, threads);
        var results = add && json is not null && File.Exists(json) ? PeerResults.Read(json) : new PeerResults([]);
        if (results.Threads != 0 && results.Threads != threads)
            throw new ArgumentException($"--add: the results have {results.Threads} threads, not {threads}.");
        (results.Threads, results.Machine) = (threads, Processor());
        results.Versions[Engines.Coppice] = Output("git", "-C", Repository(), "describe", "--always", "--dirty");
        results.Versions[Engines.Llama] = Output("git", "-C", setup.Llama, "describe", "--always");
        if (Torch(setup.Python) is { Length: > 0 } torch) results.Versions[Engines.Torch] = torch;
        Comparer.Run(new ComparisonPlan(setup), results, rounds, only);
        if (json is not null) results.Write(json);
        Console.WriteLine(PeerTable.Speeds(results));
        Console.WriteLine(PeerTable.Depth(results));
    }

    /// <summary>Makes what is missing of the models: the random one, and the GGUF files of both.</summary>
    private static List<PeerModel> Prepare(Arguments arguments)
    {
        var cache = Directory.CreateDirectory(Path.Combine(arguments.Required("--cache"), "models")).FullName;
        var models = new List<PeerModel>();
        if (arguments.Text("--small") is { } small) models.Add(new PeerModel("SmolLM2-135M", small, Path.Combine(cache, "smollm2-135m")));
        var random = Path.Combine(cache, "random-1b");
        var tokenizer = Path.Combine(Repository(), "weights", "tiny");
        if (!Directory.Exists(random)) RandomModel.Write(random, RandomModel.OneBillion, tokenizer, seed: 1);
        models.Add(new PeerModel("1B shape", random, random));
        foreach (var model in models)
        {
            foreach (var type in (string[])["f16", "bf16", "q8_0", "q4_0"])
            {
                var path = $"{model.Gguf}-{type}.gguf";
                if (File.Exists(path)) continue;
                Run(arguments.Required("--coppice"), "convert", "--model", model.Folder, "--to", "gguf", "--type", type, path);
            }
        }
        return models;
    }

    private static void Errors(Arguments arguments)
    {
        var model = Prepare(arguments)[^1];
        var original = $"{model.Gguf}-bf16.gguf";
        Console.WriteLine("| weights | bits each | relative Frobenius error |\n|---|--:|--:|");
        Line("Coppice Q8", 8.5, QuantisationErrors.OfGroups(original, fourBits: false));
        Line("Coppice Q4", 5, QuantisationErrors.OfGroups(original, fourBits: true));
        foreach (var (type, name, bits) in ((string, string, double)[])[("Q8_0", "Q8_0", 8.5), ("Q4_0", "Q4_0", 4.5), ("Q4_K_S", "Q4_K", 4.5)])
        {
            var quantised = $"{model.Gguf}-errors.gguf";
            File.Delete(quantised);
            Run(Path.Combine(arguments.Required("--llama"), "llama-quantize"), "--pure", original, quantised, type);
            Line($"llama.cpp {name}", bits, QuantisationErrors.OfFile(original, quantised));
            File.Delete(quantised);
        }

        static void Line(string name, double bits, double error) =>
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {name} | {bits} | {error:0.00000} |"));
    }

    private static void Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{Path.GetFileName(program)} {string.Join(' ', arguments)}: {error.Result.Trim()}");
    }

    private static string Output(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var line = process.StandardOutput.ReadToEnd().Trim();
        process.WaitForExit();
        return line;
    }

    /// <summary>PyTorch's version, empty where it is not there.</summary>
    private static string Torch(string python)
    {
        try { return Output(python, "-c", "import torch; print(torch.__version__)"); }
        catch (System.ComponentModel.Win32Exception) { return ""; }
    }

    private static string Processor()
    {
        const string file = "/proc/cpuinfo";
        if (!File.Exists(file)) return "";
        var line = File.ReadLines(file).FirstOrDefault(text => text.StartsWith("model name", StringComparison.Ordinal));
        return line is null ? "" : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim();
    }

    /// <summary>The nearest folder above the tool that holds Engine.sln.</summary>
    private static string Repository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Engine.sln"))) return folder.FullName;
        throw new InvalidOperationException("Engine.sln was not found above the tool.");
    }
}
