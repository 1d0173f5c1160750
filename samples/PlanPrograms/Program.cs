using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using Coppice;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

// Planning by tests: the body of a C# method is searched for, and each candidate is compiled and run in a process of its own, with a limit
// of time and memory, against public tests. dotnet run -c Release --project samples/PlanPrograms -- [MODEL] [EVALUATIONS]
if (args is ["--run"]) return Candidate.Run(Console.In.ReadToEnd());
var folder = args.Length > 0 ? args[0] : "weights/tiny";
var evaluations = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 16;
using var model = LanguageModel.Load(folder, new() { Device = "cpu", ContextLength = 1024 });
using var session = model.NewSession();
foreach (var task in Tasks.All)
{
    var scorer = new TestScorer(task);
    var options = new GenerationOptions { MaxTokens = 32, StopSequences = [";"], Seed = 1 };
    var planned = new PlanningOptions { Evaluations = evaluations, Scorer = scorer };
    foreach (var strategy in (StrategyOptions?[])[null, planned])
    {
        var body = string.Concat(session.Generate(task.Prompt, options with { Strategy = strategy }).Select(piece => piece.Text));
        var share = await scorer.PassedAsync(body, CancellationToken.None);
        Console.WriteLine($"{task.Name}, {strategy?.Name ?? "greedy"}: {share:P0} of the tests by \"{body.Trim()}\"");
    }
}
return 0;

/// <summary>A method whose body is one expression, and what it must return.</summary>
internal sealed record ProgramTask(string Name, string Signature, string Meaning, (string Call, string Result)[] Tests)
{
    public string Prompt => $"/// <summary>{Meaning}</summary>\n{Signature} => ";
}

internal static class Tasks
{
    public static readonly ProgramTask[] All =
    [
        new("Square", "static int Square(int x)", "Returns x times x.", [("Square(3)", "9"), ("Square(-2)", "4"), ("Square(0)", "0")]),
        new("IsEven", "static bool IsEven(int x)", "Returns whether x is even.", [("IsEven(4)", "True"), ("IsEven(7)", "False")]),
        new("Larger", "static int Larger(int a, int b)", "Returns the larger one.", [("Larger(2, 5)", "5"), ("Larger(5, 2)", "5")]),
    ];
}

/// <summary>The share of a task's tests that a body passes; 0 of what does not compile, crashes or takes too long.</summary>
internal sealed class TestScorer(ProgramTask task) : ISequenceScorer
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private readonly Dictionary<string, double> _known = [];

    public async ValueTask ScoreAsync(
        IReadOnlyList<ScoredContinuation> continuations, Memory<double> scores, CancellationToken cancellation)
    {
        for (var i = 0; i < continuations.Count; i++)
        {
            var passed = await PassedAsync(continuations[i].Text, cancellation);
            scores.Span[i] = passed;
        }
    }

    public async Task<double> PassedAsync(string body, CancellationToken cancellation)
    {
        if (_known.TryGetValue(body, out var known)) return known;
        var checks = string.Concat(task.Tests.Select(test => $"Check(() => {test.Call}, \"{test.Result}\");"));
        var code = $$"""
            using System; using System.Linq;
            static class Program
            {
                {{task.Signature}} => {{body}};
                static int _passed;
                static void Check<T>(Func<T> call, string expected)
                {
                    try { if (call()?.ToString() == expected) _passed++; } catch (Exception) { }
                }
                public static int Main() { {{checks}} return _passed; }
            }
            """;
        return _known[body] = (double)await RunAsync(code, cancellation) / task.Tests.Length;
    }

    /// <summary>Tests passed by a program in a process of its own.</summary>
    private static async Task<int> RunAsync(string code, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(TestScorer).Assembly.Location, "--run"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOTNET_GCHeapHardLimit"] = "10000000";        // bytes, hexadecimal: 256 MB
        using var process = Process.Start(start)!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Limit);
        try
        {
            await process.StandardInput.WriteAsync(code.AsMemory(), limit.Token);
            process.StandardInput.Close();
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            await errors;
            // What the program itself prints comes before it.
            return int.TryParse((await output).TrimEnd().Split('\n')[^1], CultureInfo.InvariantCulture, out var passed) ? passed : 0;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested) { return 0; }
        catch (IOException) { return 0; }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }
}

/// <summary>In the process of a candidate: compiles it in memory, runs it and says how many tests it passed.</summary>
internal static class Candidate
{
    public static int Run(string code)
    {
        var platform = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal));
        var compilation = CSharpCompilation.Create(
            "candidate", [CSharpSyntaxTree.ParseText(code)], [.. platform.Select(path => MetadataReference.CreateFromFile(path))],
            new CSharpCompilationOptions(OutputKind.ConsoleApplication));
        using var image = new MemoryStream();
        if (!compilation.Emit(image).Success) return 1;
        Console.WriteLine(Assembly.Load(image.ToArray()).EntryPoint!.Invoke(null, null));
        return 0;
    }
}
