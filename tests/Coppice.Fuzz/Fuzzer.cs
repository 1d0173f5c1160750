using System.Buffers;
using System.Diagnostics;
using System.Text;

namespace Coppice.Fuzz;

/// <summary>An input that made a reader do what it must not, and what that was.</summary>
internal sealed record Finding(string Target, byte[] Input, string What);

/// <summary>What came of a run: executions, kinds of outcomes, and findings, one for each kind.</summary>
internal sealed record FuzzResult(string Target, long Executions, TimeSpan Time, int Outcomes, IReadOnlyList<Finding> Findings);

/// <summary>
/// Runs one target on changed inputs. An input whose outcome is of a new kind joins those that are changed further: the sentences of
/// errors, without their names and numbers, tell how far a reader came.
/// </summary>
internal sealed class Fuzzer
{
    private const int MostInputs = 4096, WordsBefore = 44, WordsAfter = 24;
    private static readonly SearchValues<char> Marks = SearchValues.Create("\"'{}[]");
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
    /// <param name="stop">Ends the run after an input.</param>
    public FuzzResult Run(
        TimeSpan time, long executions = long.MaxValue, Action<byte[]>? current = null, CancellationToken stop = default)
    {
        var start = Stopwatch.GetTimestamp();
        var done = 0L;
        while (done < executions && !stop.IsCancellationRequested && Stopwatch.GetElapsedTime(start) < time)
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
        // Other programs may have had the processor, or the process was stopped: then the input is fast when it is read again.
        if (Stopwatch.GetElapsedTime(start) > Slow && ProcessorTime(input) is var took && took > Slow)
            _findings.TryAdd("slow", new Finding(_target.Name, input, $"took {took.TotalSeconds:f1} s"));
        if (_outcomes.Add(outcome) && _inputs.Count < MostInputs) _inputs.Add(input);
    }

    private TimeSpan ProcessorTime(byte[] input)
    {
        var before = Environment.CpuUsage.TotalTime;
        try
        {
            _read(input);
        }
        catch (Exception)
        {
            // What it is was seen before.
        }
        return Environment.CpuUsage.TotalTime - before;
    }

    /// <summary>The place where an exception was thrown: the first line of its trace.</summary>
    private static string Frame(Exception error) => error.StackTrace?.Split('\n')[0].Trim() ?? "";

    /// <summary>
    /// A message without what comes from the input: how it begins, before the first thing that is quoted, and a few words after the last
    /// one,
    /// without numbers and what was found. Else every name that a change makes up would be a kind of its own.
    /// </summary>
    internal static string Kind(string message)
    {
        var found = message.IndexOf("found", StringComparison.Ordinal);
        var text = found < 0 ? message.AsSpan() : message.AsSpan(0, found);
        var (first, last) = (text.IndexOfAny(Marks), text.LastIndexOfAny(Marks));
        if (first < 0) return Words(text, "");
        var end = text[(last + 1)..];
        // The middle of a long message is left out, wherever that is.
        return Words(text[..first], end.Contains("...", StringComparison.Ordinal) ? "" : end);
    }

    private static string Words(ReadOnlySpan<char> before, ReadOnlySpan<char> after)
    {
        Span<char> kind = stackalloc char[WordsBefore + WordsAfter + 1];
        var count = 0;
        foreach (var letter in before)
        {
            if (count < WordsBefore && letter is >= ' ' and <= '~' && !char.IsAsciiDigit(letter)) kind[count++] = letter;
        }
        kind[count++] = '_';
        var most = count + WordsAfter;
        foreach (var letter in after)
        {
            if (count == most || !(char.IsAsciiLetter(letter) || letter is ' ' or ':' or '.' or '_')) break;
            kind[count++] = letter;
        }
        return new string(kind[..count]);
    }

    /// <summary>Bytes of a text.</summary>
    public static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
