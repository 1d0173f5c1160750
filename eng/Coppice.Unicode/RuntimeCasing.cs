using System.Globalization;
using System.Text;

namespace Coppice.Unicode;

/// <summary>Reads the simple case mappings of the runtime that this program runs on.</summary>
internal static class RuntimeCasing
{
    /// <summary>The text of the data file <paramref name="text"/> with the mappings of this runtime in place of those in it.</summary>
    /// <exception cref="InvalidOperationException">The runtime asks ICU instead of its own table.</exception>
    public static string Refreshed(string text)
    {
        if (!AppContext.TryGetSwitch("System.Globalization.Invariant", out var invariant) || !invariant)
            throw new InvalidOperationException("Casing must be that of invariant globalization; elsewhere it is ICU's.");
        var kept = text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(line => !line.StartsWith("upper ", StringComparison.Ordinal) && !line.StartsWith("lower ", StringComparison.Ordinal));
        var upper = Runs("upper", Rune.ToUpperInvariant);
        var lower = Runs("lower", Rune.ToLowerInvariant);
        return string.Concat([.. kept.Select(line => line + "\n"), .. upper, .. lower]);
    }

    // A run goes on while letters with the same distance follow at the same step, each or every second one.
    private static IEnumerable<string> Runs(string kind, Func<Rune, Rune> map)
    {
        var letters = Enumerable.Range(0, 0x110000).Where(Rune.IsValid)
            .Select(letter => (Letter: letter, Distance: map(new Rune(letter)).Value - letter))
            .Where(mapping => mapping.Distance != 0).ToArray();
        for (var i = 0; i < letters.Length;)
        {
            var last = i;
            var isStepTwo = i + 1 < letters.Length && letters[i + 1] == (letters[i].Letter + 2, letters[i].Distance);
            var step = isStepTwo ? 2 : 1;
            while (last + 1 < letters.Length && letters[last + 1].Distance == letters[i].Distance
                && letters[last + 1].Letter == letters[last].Letter + step) last++;
            var distance = letters[i].Distance.ToString(CultureInfo.InvariantCulture);
            yield return $"{kind} {letters[i].Letter:X4}..{letters[last].Letter:X4} {step} {distance}\n";
            i = last + 1;
        }
    }
}
