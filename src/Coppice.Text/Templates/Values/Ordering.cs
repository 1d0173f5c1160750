using System.Numerics;

namespace Coppice.Text.Templates;

/// <summary>Python's &lt;, &lt;=, &gt; and &gt;=, membership, and a stable sort by &lt;.</summary>
internal sealed class Ordering(Budget budget, ValueComparer comparer)
{
    /// <summary>The outcome of an operator of a comparison.</summary>
    public bool Compare(string symbol, object? left, object? right)
    {
        budget.Spend();
        return symbol switch
        {
            "==" => comparer.AreEqual(left, right),
            "!=" => !comparer.AreEqual(left, right),
            "in" => Contains(right, left),
            "not in" => !Contains(right, left),
            _ => Ordered(symbol, left, right),
        };
    }

    /// <summary>Whether left &lt; right.</summary>
    public bool IsLess(object? left, object? right) => Compare("<", left, right);

    private bool Ordered(string symbol, object? left, object? right)
    {
        if (left is Undefined undefined) throw undefined.Error();
        if (right is Undefined other) throw other.Error();
        if (Facts.IsText(left, out var leftText) && Facts.IsText(right, out var rightText))
        {
            budget.Spend(Math.Min(leftText.Length, rightText.Length) / 64);
            return Holds(symbol, CodePoints.Compare(leftText, rightText));
        }
        if (left is bool or BigInteger or double && right is bool or BigInteger or double)
            return Numbers.Compare(left, right) is { } order && Holds(symbol, order);
        if (left is SequenceValue a && right is SequenceValue b && left is ListValue == right is ListValue)
            return OrderedSequences(symbol, a.Items, b.Items);
        throw TemplateException.Other($"'{symbol}' not supported between instances of '{Facts.TypeName(left)}' and "
            + $"'{Facts.TypeName(right)}'");
    }

    private bool OrderedSequences(string symbol, object?[] left, object?[] right)
    {
        budget.Enter();
        var i = 0;
        while (i < left.Length && i < right.Length && comparer.AreEqual(left[i], right[i])) i++;
        var holds = i < left.Length && i < right.Length
            ? Ordered(symbol, left[i], right[i])
            : Holds(symbol, left.Length.CompareTo(right.Length));
        budget.Leave();
        return holds;
    }

    private static bool Holds(string symbol, int order) => symbol switch
    {
        "<" => order < 0,
        "<=" => order <= 0,
        ">" => order > 0,
        _ => order >= 0,
    };

    private bool Contains(object? container, object? value)
    {
        if (Facts.IsText(container, out var text))
        {
            if (!Facts.IsText(value, out var part))
                throw TemplateException.Other($"'in <string>' requires string as left operand, not {Facts.TypeName(value)}");
            budget.SpendOnText(text.Length);
            return text.Contains(part, StringComparison.Ordinal);
        }
        if (container is DictValue dict) return dict.TryGet(value, out _);
        if (container is RangeValue range && !Facts.IsInteger(value, out _) && value is not double) return false;
        if (container is not TemplateValue { Elements: { } elements })
            throw TemplateException.Other($"argument of type '{Facts.TypeName(container)}' is not iterable");
        foreach (var element in elements)
            if (comparer.AreEqual(element, value)) return true;
        return false;
    }

    /// <summary>A stable sort of <paramref name="items"/> by their keys, as Python's sorted() has it.</summary>
    public object?[] Sort(object?[] items, Func<object?, object?> keyOf, bool reverse)
    {
        var entries = items.Select(item => (Key: keyOf(item), Item: item)).ToArray();
        // A reversed sort still keeps equal elements in their first order.
        if (reverse) Array.Reverse(entries);
        MergeSort(entries, new (object? Key, object? Item)[entries.Length], 0, entries.Length);
        if (reverse) Array.Reverse(entries);
        return [.. entries.Select(entry => entry.Item)];
    }

    private void MergeSort((object? Key, object? Item)[] entries, (object? Key, object? Item)[] spare, int start, int stop)
    {
        if (stop - start < 2) return;
        var middle = (start + stop) / 2;
        MergeSort(entries, spare, start, middle);
        MergeSort(entries, spare, middle, stop);
        Array.Copy(entries, start, spare, start, stop - start);
        for (int left = start, right = middle, target = start; target < stop; target++)
        {
            var takesLeft = left < middle && (right >= stop || !IsLess(spare[right].Key, spare[left].Key));
            entries[target] = takesLeft ? spare[left++] : spare[right++];
        }
    }
}
