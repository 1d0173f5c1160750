using System.Diagnostics;

namespace Coppice.Cli.SelfTest;

/// <summary>A check by its name; <paramref name="Run"/> compares case after case.</summary>
internal sealed record SelfTestCheck(string Name, Action<Operands, Outcome> Run);

/// <summary>What the cases of one check gave.</summary>
/// <param name="limit">Time after which no further case begins: kernels on ILGPU's CPU accelerator take a thousand times as long.</param>
internal sealed class Outcome(TimeSpan limit)
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private double _largest;

    /// <summary>Cases so far.</summary>
    public int Cases { get; private set; }

    /// <summary>What was wrong first; null where nothing was.</summary>
    public string? Problem { get; private set; }

    /// <summary>
    /// Runs a case twice and compares: |actual - expected| must be at most <paramref name="absolute"/> + <paramref name="relative"/> ·
    /// |expected| for every element, and both runs must give the same bits, as kernels without races do. The first case is always run;
    /// false where this one was not.
    /// </summary>
    public bool Compare(double[] expected, Func<float[]> run, double absolute, double relative = 0)
    {
        if (Cases > 0 && Stopwatch.GetElapsedTime(_start) > limit) return false;
        Cases++;
        var (actual, again) = (run(), run());
        if (actual.Length != expected.Length) Fail($"{actual.Length} elements instead of {expected.Length}");
        for (var i = 0; i < Math.Min(actual.Length, expected.Length); i++)
        {
            if (BitConverter.SingleToInt32Bits(actual[i]) != BitConverter.SingleToInt32Bits(again[i]))
                Fail($"element {i} is {actual[i]:g9} in one run and {again[i]:g9} in the next");
            var error = actual[i] == expected[i] ? 0 : Math.Abs(actual[i] - expected[i]);
            if (double.IsNaN(error) || error > _largest) _largest = error;
            if (!(error <= absolute + relative * Math.Abs(expected[i]))) Fail($"element {i} is {actual[i]:g9} instead of {expected[i]:g9}");
        }
        return true;
    }

    /// <summary>Counts something wrong; the first is reported.</summary>
    public void Fail(string what) => Problem ??= $"case {Cases}: {what}";

    /// <summary>The check as it is reported.</summary>
    public SelfTestRow Row(string name) => new(name, Cases, _largest, Problem is null && Cases > 0, Problem);
}
