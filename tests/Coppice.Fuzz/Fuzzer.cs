using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;

namespace Coppice.Fuzz;

/// <summary>An input that made a reader do what it must not, and what that was.</summary>
internal sealed record Finding(string Target, byte[] Input, string What);

/// <summary>What came of a run: executions, kinds of outcomes, and findings, one for each kind.</summary>
internal sealed record FuzzResult(string Target, long Executions, TimeSpan Time, int Outcomes, IReadOnlyList<Finding> Findings);

/// <summary>
/// Runs one target on changed inputs. An input whose outcome is of a new kind joins those that are changed further: the sentences of
/// errors,
/// without their names and numbers, tell how far a reader came.
/// </summary>
internal sealed partial class Fuzzer
{
    private const int MostInputs = 4096;
    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(5);

    private readonly Target _target;
    private readonly Action<byte[]> _read;
    private readonly Mutator _mutator;
    private readonly Random _random;
    private readonly List<byte[]> _inputs;
    private readonly HashSet<string> _outcomes = [];
    private readonly Dictionary<string, Finding> _findings = [];

    /// <summary>A run of <paramref name="target"/> whose changes follow from <paramref name="seed"/>.</summary>
    public Fuzzer(Target target, int seed)
    {
        _target = target;
        _read = target.Prepare();
        _mutator = new Mutator(seed, target);
        _random = new Random(seed);
        _inputs = [.. target.Seeds];
    }

    /// <summary>Runs until <paramref name="time"/> has passed or <paramref name="executions"/> are done; the seeds come first.</summary>
    /// <param name="time">How long.</param>
    /// <param name="executions">How many at most.</param>
    /// <param name="current">Gets every input before it is read, so that a process that ends has left it.</param>
    public FuzzResult Run(TimeSpan time, long executions = long.MaxValue, Action<byte[]>? current = null)
    {
        var start = Stopwatch.GetTimestamp();
        var done = 0L;
        while (done < executions && Stopwatch.GetElapsedTime(start) < time)
        {
            var input = done < _target.Seeds.Count ? _target.Seeds[(int)done] : _mutator.Change(Pick(), Pick());
            current?.Invoke(input);
            Execute(input);
            done++;
        }
        return new FuzzResult(_target.Name, done, Stopwatch.GetElapsedTime(start), _outcomes.Count, [.. _findings.Values]);
    }

    private byte[] Pick() => _inputs[_random.Next(_inputs.Count)];

    private void Execute(byte[] input)
    {
        var start = Stopwatch.GetTimestamp();
        string outcome;
        try
        {
            _read(input);
            outcome = "read";
        }
        catch (EngineException error)
        {
            outcome = $"{error.GetType().Name}: {Kind(error.Message)}";
        }
        catch (Exception error)
        {
            outcome = $"{error.GetType().Name}: {Kind(error.Message)}";
            _findings.TryAdd(error.GetType().Name + Frame(error), new Finding(_target.Name, input, error.ToString()));
        }
        var took = Stopwatch.GetElapsedTime(start);
        if (took > Slow) _findings.TryAdd("slow", new Finding(_target.Name, input, $"took {took.TotalSeconds:f1} s"));
        if (_outcomes.Add(outcome) && _inputs.Count < MostInputs) _inputs.Add(input);
    }

    /// <summary>The place where an exception was thrown: the first line of its trace.</summary>
    private static string Frame(Exception error) => error.StackTrace?.Split('\n')[0].Trim() ?? "";

    /// <summary>
    /// A message without what comes from the input: what was found, quoted texts, numbers, and all after the first 80 characters.
    /// </summary>
    private static string Kind(string message)
    {
        var found = message.IndexOf("found", StringComparison.Ordinal);
        var kind = FromInput().Replace(found < 0 ? message : message[..found], "_");
        return kind.Length > 80 ? kind[..80] : kind;
    }

    [GeneratedRegex("""("[^"]*"?)|('[^']*'?)|[0-9][0-9.,]*|[^ -~]+""")]
    private static partial Regex FromInput();

    /// <summary>Bytes of a text.</summary>
    public static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
