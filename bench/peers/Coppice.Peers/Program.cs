using System.Globalization;
using Coppice.Peers.Comparison;
using Coppice.Peers.Models;
using Coppice.Peers.Serving;

namespace Coppice.Peers;

/// <summary>
/// The tool of bench/peers/run: compares Coppice with llama.cpp and with another build, and makes tables of the results.
/// </summary>
internal static class Program
{
    private const string Usage = """
        compare --coppice EXE --llama DIR --cache DIR [--small DIR] [--python EXE] [--quick | --rounds N] [--threads N] [--llama-bench NAME=PATH]...
                [--only GROUP]... [--add] [--json F]
        concurrency --coppice EXE --llama DIR --cache DIR [--small DIR] [--model DIR] [--requests N,N] [--prompt-tokens N,N]
                [--new-tokens N] [--rounds N] [--threads N] [--only GROUP]... [--add] [--json F]      several requests at once
        server --coppice EXE --llama DIR --cache DIR [--small DIR] [--model DIR] [--clients N,N] [--prompt-tokens N] [--new-tokens N]
                [--shared-tokens N] [--rounds N] [--threads N] [--only GROUP]... [--add] [--json F]      clients of a server at once
        load --clients N --prompt-tokens N --new-tokens N --vocabulary N --test NAME [--shared-tokens N] [--drafter NAME] -- PROGRAM ARGUMENT...
                                                                         starts a server and is its clients: what server does for each cell
        against --coppice EXE --base EXE --cache DIR [--small DIR] [--prompts F] [--rounds N] [--threads N] [--only GROUP]... [--add]
                [--json F]                                               one session on this build and on another
        prepare --coppice EXE --llama DIR --cache DIR [--small DIR]      models and GGUF files only
        errors  --coppice EXE --llama DIR --cache DIR                    Frobenius errors of llama.cpp's quantisers on the random model
        tables                                                           pages and plots of bench/results, and README.md, from JSON
        """;

    private static int Main(string[] args)
    {
        try
        {
            if (args is ["--help"])
            {
                Console.WriteLine(Usage);
                return 0;
            }
            // What follows -- is for another program.
            var arguments = new Arguments(args.Skip(1));
            var mine = args.TakeWhile(arg => arg != "--").Where(arg => arg.StartsWith("--", StringComparison.Ordinal));
            var known = Usage.Split([' ', '\n', '[', ']'], StringSplitOptions.RemoveEmptyEntries).ToHashSet();
            if (mine.FirstOrDefault(arg => !known.Contains(arg)) is { } unknown)
                throw new ArgumentException($"{unknown}: there is no such option.\n{Usage}");
            switch (args.FirstOrDefault())
            {
                case "compare": Compare(arguments); break;
                case "concurrency": Concurrency(arguments); break;
                case "server": Server(arguments); break;
                case "load": Load(args); break;
                case "against": Against(arguments); break;
                case "prepare": ModelFiles.All(arguments, Repository()); break;
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
        var measuring = new Measuring(arguments, arguments.Text("--json"));
        var models = ModelFiles.All(arguments, Repository());
        var setup = new ComparisonSetup(arguments.Required("--coppice"), arguments.Required("--llama"),
            arguments.Text("--python") ?? "python3", Path.Combine(Repository(), "bench", "peers", "pytorch.py"), models, measuring.Threads,
            Others(arguments));
        var results = measuring.Results;
        results.Versions[Engines.Coppice] = Programs.Version(Repository());
        results.Versions[Engines.Llama] = Programs.Version(setup.Llama);
        foreach (var (engine, program) in setup.Others)
            results.Versions[engine] = Programs.Version(Path.GetDirectoryName(program)!, engine);
        if (Programs.Output(setup.Python, "-c", "import torch; print(torch.__version__)") is { Length: > 0 } torch)
            results.Versions[Engines.Torch] = torch;
        measuring.Run(new ComparisonPlan(setup).Groups(), arguments.Number("--rounds") ?? (arguments.Flag("--quick") ? 3 : 5));
        Console.WriteLine(PeerTable.Speeds(results));
        Console.WriteLine(PeerTable.Depth(results));
    }

    /// <summary>--llama-bench NAME=PATH: engines whose program takes the options of llama-bench.</summary>
    private static IReadOnlyList<(string, string)> Others(Arguments arguments) =>
        [.. arguments.All("--llama-bench").Select(other => other.Split('=', 2) is [{ Length: > 0 } name, var path] && File.Exists(path)
            ? (name, path) : throw new ArgumentException($"--llama-bench: must be NAME=PATH of a program that exists, got {other}."))];

    private static void Concurrency(Arguments arguments)
    {
        var measuring = new Measuring(arguments, arguments.Text("--json") ?? ResultPath("concurrency.json"));
        var model = ModelFiles.One(arguments);
        var (coppice, llama) = (arguments.Required("--coppice"), arguments.Required("--llama"));
        var plan = new ConcurrencyPlan(coppice, llama, model, measuring.Threads, arguments.Numbers("--requests") ?? [1, 2, 4, 8, 16, 32],
            arguments.Numbers("--prompt-tokens") ?? [128], arguments.Number("--new-tokens") ?? 128);
        measuring.Results.Versions[Engines.Coppice] = Programs.Version(Repository());
        measuring.Results.Versions[Engines.Llama] = Programs.Version(llama);
        measuring.Run(plan.Groups(), arguments.Number("--rounds") ?? 5);
        Console.WriteLine(ResultPages.WriteConcurrency(measuring.Json!));
    }

    private static void Server(Arguments arguments)
    {
        var measuring = new Measuring(arguments, arguments.Text("--json") ?? ResultPath("server.json"));
        var model = ModelFiles.One(arguments);
        var (coppice, llama) = (arguments.Required("--coppice"), arguments.Required("--llama"));
        var plan = new ServerPlan(
            coppice, llama, model, measuring.Threads, arguments.Numbers("--clients") ?? [1, 4, 8, 16, 32], arguments.Number("--prompt-tokens") ?? 128,
            arguments.Number("--new-tokens") ?? 128, arguments.Number("--shared-tokens") ?? 1000);
        measuring.Results.Versions[Engines.Coppice] = Programs.Version(Repository());
        measuring.Results.Versions[Engines.Llama] = Programs.Version(llama);
        measuring.Run(plan.Groups(), arguments.Number("--rounds") ?? 3);
        var page = ServerPage.Write(measuring.Results);
        File.WriteAllText(Path.ChangeExtension(measuring.Json!, ".md"), page);
        Console.WriteLine(page);
    }

    private static void Load(string[] args)
    {
        var end = Array.IndexOf(args, "--");
        if (end < 0 || end + 1 == args.Length) throw new ArgumentException("load: a server's program must follow --.");
        new ServerLoad(new Arguments(args[1..end]), args[end + 1], args[(end + 2)..]).Run();
    }

    private static void Against(Arguments arguments)
    {
        var measuring = new Measuring(arguments, arguments.Text("--json") ?? ResultPath("against.json"));
        var other = Path.GetFullPath(arguments.Required("--base"));
        if (!File.Exists(other)) throw new ArgumentException($"--base: must be the other build's program coppice, found no file {other}.");
        var plan = new AgainstPlan(arguments.Required("--coppice"), other, measuring.Threads);
        measuring.Results.Versions[Engines.Coppice] = Programs.Version(Repository());
        measuring.Results.Versions[Engines.Base] = Programs.Version(Path.GetDirectoryName(other)!);
        measuring.Run(ModelFiles.Against(arguments, Repository(), plan), arguments.Number("--rounds") ?? 5);
        Console.WriteLine(ResultPages.WriteAgainst(measuring.Json!));
    }

    private static void Errors(Arguments arguments)
    {
        var model = ModelFiles.All(arguments, Repository())[^1];
        var original = $"{model.Gguf}-bf16.gguf";
        Console.WriteLine("| weights | bits each | relative Frobenius error |\n|---|--:|--:|");
        Line("Coppice Q8", 8.5, QuantisationErrors.OfGroups(original, fourBits: false));
        Line("Coppice Q4", 5, QuantisationErrors.OfGroups(original, fourBits: true));
        foreach (var (type, name, bits) in ((string, string, double)[])[("Q8_0", "Q8_0", 8.5), ("Q4_0", "Q4_0", 4.5), ("Q4_K_S", "Q4_K", 4.5)])
        {
            var quantised = $"{model.Gguf}-errors.gguf";
            File.Delete(quantised);
            Programs.Run(Path.Combine(arguments.Required("--llama"), "llama-quantize"), "--pure", original, quantised, type);
            Line($"llama.cpp {name}", bits, QuantisationErrors.OfFile(original, quantised));
            File.Delete(quantised);
        }

        static void Line(string name, double bits, double error) =>
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {name} | {bits} | {error:0.00000} |"));
    }

    /// <summary>Where results of this kind of machine are in the repository.</summary>
    private static string ResultPath(string file)
    {
        var folder = Path.Combine(Repository(), "bench", "results", ProcessorKind.Here().Kind);
        return Path.Combine(Directory.CreateDirectory(folder).FullName, file);
    }

    /// <summary>The nearest folder above the tool that holds Engine.sln.</summary>
    private static string Repository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Engine.sln"))) return folder.FullName;
        throw new InvalidOperationException("Engine.sln was not found above the tool.");
    }
}
