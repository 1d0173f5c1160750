using System.Globalization;
using System.Numerics;

namespace Coppice.Constraints.Schemas;

/// <summary>
/// Finds a number that begins with given digits and that a condition holds for. A condition made of <see cref="NumberSpec"/>s changes only
/// at their bounds and holds for their multiples, so it is enough to try the bounds, points between them, and the multiples next to them.
/// </summary>
internal static class NumberReach
{
    /// <summary>The text of such a number, or null. It may have an exponent only where the digits already do.</summary>
    /// <param name="text">The digits so far, empty before the first.</param>
    /// <param name="phase">Where they stand; ignored where there are none.</param>
    /// <param name="specs">All that the condition depends on.</param>
    /// <param name="holds">The condition.</param>
    public static string? Find(string text, NumberPhase phase, IReadOnlyCollection<NumberSpec> specs, Func<JsonNumber, bool> holds)
    {
        if (text.Length == 0) return Find("", NumberPhase.Minus, false, specs, holds) ?? Find("-", NumberPhase.Minus, true, specs, holds);
        if (phase >= NumberPhase.Exponent) return FindExponent(text, phase, holds);
        return Find(text, phase, text[0] == '-', specs, holds);
    }

    private static string? Find(
        string text, NumberPhase phase, bool negative, IReadOnlyCollection<NumberSpec> specs, Func<JsonNumber, bool> holds)
    {
        var bounds = Bounds(specs, negative);
        var steps = Steps(specs);
        foreach (var (low, high) in Intervals(text, phase, bounds))
            foreach (var candidate in Candidates(low, high, bounds, steps))
            {
                if (candidate.CompareTo(low) < 0 || (high is { } end && candidate.CompareTo(end) >= 0)) continue;
                var value = negative ? candidate.Negated() : candidate;
                if (holds(value) && Spelled(text, phase, negative, candidate) is { } spelled) return spelled;
            }
        return null;
    }

    /// <summary>Bounds and values of the conditions on this side of zero, as magnitudes, ascending.</summary>
    private static List<JsonNumber> Bounds(IReadOnlyCollection<NumberSpec> specs, bool negative)
    {
        var found = new SortedSet<JsonNumber> { JsonNumber.Zero };
        foreach (var spec in specs)
        {
            Add(spec.Least);
            Add(spec.Most);
            foreach (var value in spec.Values?.Values ?? []) Add(value);
        }
        return [.. found];

        void Add(JsonNumber? bound)
        {
            if (bound is { } value && (value.Mantissa.Sign < 0) == negative) found.Add(negative ? value.Negated() : value);
        }
    }

    private static List<JsonNumber> Steps(IReadOnlyCollection<NumberSpec> specs)
    {
        var steps = new List<JsonNumber> { new(BigInteger.One, 0) };
        foreach (var spec in specs)
            if (spec.Step is { Mantissa.Sign: > 0 } step && !steps.Contains(step)) steps.Add(step);
        if (steps.Count > 2) steps.Add(steps.Aggregate(JsonNumber.CommonMultiple));
        else if (steps.Count == 2 && JsonNumber.CommonMultiple(steps[0], steps[1]) is var common && !steps.Contains(common))
            steps.Add(common);
        return steps;
    }

    /// <summary>The magnitudes that numbers with these digits may have: from the first inclusive to the second exclusive.</summary>
    private static IEnumerable<(JsonNumber Low, JsonNumber? High)> Intervals(string text, NumberPhase phase, List<JsonNumber> bounds)
    {
        var digits = text.TrimStart('-');
        var one = new JsonNumber(BigInteger.One, 0);
        if (digits.Length == 0)
        {
            yield return (JsonNumber.Zero, null);
            yield break;
        }
        var start = JsonNumber.Parse(digits.EndsWith('.') ? digits[..^1] : digits);
        if (phase != NumberPhase.Whole)
        {
            var behind = phase == NumberPhase.Fraction ? digits.Length - digits.IndexOf('.', StringComparison.Ordinal) - 1 : 0;
            yield return (start, start.Plus(new JsonNumber(BigInteger.One, -behind)));
            yield break;
        }
        var most = Math.Max(bounds[^1].Magnitude + 2 - digits.Length, 2);
        for (var more = 0; more <= Math.Min(most, 320); more++)
            yield return (new JsonNumber(start.Mantissa, start.Exponent + more),
                new JsonNumber(start.Plus(one).Mantissa, start.Plus(one).Exponent + more));
    }

    private static IEnumerable<JsonNumber> Candidates(JsonNumber low, JsonNumber? high, List<JsonNumber> bounds, List<JsonNumber> steps)
    {
        var points = new List<JsonNumber> { low };
        points.AddRange(bounds.Where(bound => bound.CompareTo(low) > 0 && (high is not { } end || bound.CompareTo(end) < 0)));
        for (var i = 0; i < points.Count; i++)
        {
            yield return points[i];
            foreach (var step in steps)
            {
                yield return points[i].NextMultiple(step, above: false);
                yield return points[i].NextMultiple(step, above: true);
                // Below the next bound, where an exclusive one refuses the bound itself.
                if (i + 1 < points.Count) yield return points[i + 1].Plus(step.Negated()).NextMultiple(step, above: false);
            }
            JsonNumber? next = i + 1 < points.Count ? points[i + 1] : high;
            yield return next is { } after ? points[i].Plus(after).Half() : points[i].Plus(new JsonNumber(5, -1));
        }
    }

    /// <summary>The candidate written so that it begins with the digits so far.</summary>
    private static string? Spelled(string text, NumberPhase phase, bool negative, JsonNumber magnitude)
    {
        var spelled = Plain(magnitude);
        if (negative) spelled = "-" + spelled;
        if (phase is NumberPhase.Point or NumberPhase.Fraction)
        {
            if (!spelled.Contains('.', StringComparison.Ordinal)) spelled += ".0";
            if (spelled.Length < text.Length) spelled = spelled.PadRight(text.Length, '0');
        }
        return spelled.StartsWith(text, StringComparison.Ordinal) ? spelled : null;
    }

    private static string Plain(JsonNumber magnitude)
    {
        var digits = magnitude.Mantissa.ToString(CultureInfo.InvariantCulture);
        if (magnitude.Exponent >= 0) return digits + new string('0', Math.Min(magnitude.Exponent, 320));
        if (digits.Length <= -magnitude.Exponent) digits = digits.PadLeft(-magnitude.Exponent + 1, '0');
        return $"{digits[..^-magnitude.Exponent]}.{digits[^-magnitude.Exponent..]}";
    }

    private static string? FindExponent(string text, NumberPhase phase, Func<JsonNumber, bool> holds)
    {
        if (phase == NumberPhase.Exponent)
            return FindExponent(text + "+", NumberPhase.ExponentSign, holds) is { } up
                ? Unsigned(up, text.Length) : FindExponent(text + "-", NumberPhase.ExponentSign, holds);
        if (phase == NumberPhase.ExponentDigits && holds(JsonNumber.Parse(text))) return text;
        var typed = phase == NumberPhase.ExponentDigits ? text.Length - text.LastIndexOfAny(['e', 'E', '+', '-']) - 1 : 0;
        if (typed > 3) return null;
        // One or two more digits: exponents up to 99, or up to 999 after the first digit.
        for (var more = 0; more < 100; more++)
        {
            var longer = text + more.ToString(CultureInfo.InvariantCulture);
            if (holds(JsonNumber.Parse(longer))) return longer;
        }
        return null;
    }

    private static string Unsigned(string text, int sign) => text.Remove(sign, 1);
}
