using System.Numerics;

namespace Coppice.Text.Templates;

/// <summary>What Python knows about any value: its type, truth, length and elements.</summary>
internal static class Facts
{
    /// <summary>The name of the value's Python type.</summary>
    public static string TypeName(object? value) => value switch
    {
        null => "NoneType",
        bool => "bool",
        BigInteger => "int",
        double => "float",
        string => "str",
        Markup => "Markup",
        TemplateValue other => other.TypeName,
        _ => throw new InvalidOperationException($"{value.GetType()} is no template value"),
    };

    /// <summary>The type as Jinja names it when an attribute is missing.</summary>
    public static string Description(object? value) => value is null ? "None" : $"{TypeName(value)} object";

    /// <summary>Python's truth value.</summary>
    public static bool IsTrue(object? value) => value switch
    {
        null => false,
        bool truth => truth,
        BigInteger integer => !integer.IsZero,
        double real => real != 0,
        string text => text.Length > 0,
        Markup markup => markup.Text.Length > 0,
        TemplateValue other => other.IsTrue,
        _ => true,
    };

    /// <summary>The text of a str or Markup; false for any other value.</summary>
    public static bool IsText(object? value, out string text)
    {
        text = value as string ?? (value as Markup)?.Text ?? "";
        return value is string or Markup;
    }

    /// <summary>An int, or a bool counted as one.</summary>
    public static bool IsInteger(object? value, out BigInteger integer)
    {
        integer = value switch { BigInteger number => number, true => BigInteger.One, _ => BigInteger.Zero };
        return value is BigInteger or bool;
    }

    /// <summary>An int, bool or float as a float; throws for an int beyond a float's range.</summary>
    public static bool IsNumber(object? value, out double real)
    {
        real = 0;
        if (value is double number) real = number;
        else if (IsInteger(value, out var integer)) real = ToReal(integer);
        else return false;
        return true;
    }

    /// <summary>An int as a float.</summary>
    public static double ToReal(BigInteger integer)
    {
        var real = Numbers.Round(integer);
        return double.IsInfinity(real) ? throw TemplateException.Other("int too large to convert to float") : real;
    }

    /// <summary>Python's len().</summary>
    public static int Length(object? value)
    {
        if (IsText(value, out var text)) return CodePoints.Count(text);
        return (value as TemplateValue)?.Length ?? throw TemplateException.Other($"object of type '{TypeName(value)}' has no len()");
    }

    /// <summary>Whether Python can iterate over the value.</summary>
    public static bool IsIterable(object? value) => value is string or Markup or TemplateValue { Elements: not null };

    /// <summary>The elements that a for loop would see: characters of a text, keys of a dict.</summary>
    public static IEnumerable<object?> Elements(object? value)
    {
        if (IsText(value, out var text)) return CodePoints.Characters(text);
        return (value as TemplateValue)?.Elements ?? throw TemplateException.Other($"'{TypeName(value)}' object is not iterable");
    }

    /// <summary>The elements as an array, counted against the budget.</summary>
    public static object?[] ToArray(object? value, Budget budget)
    {
        if (value is SequenceValue sequence)
        {
            budget.SpendOnContainer(sequence.Items.Length);
            return sequence.Items;
        }
        var items = new List<object?>();
        budget.SpendOnContainer(0);
        foreach (var element in Elements(value))
        {
            budget.SpendOnContainer(1);
            items.Add(element);
        }
        return [.. items];
    }

    /// <summary>An index that the value can stand for (int or bool), brought into the range of <see cref="int"/>.</summary>
    public static int ToIndex(object? value, string what = "argument")
    {
        if (!IsInteger(value, out var integer))
            throw TemplateException.Other($"{what}: '{TypeName(value)}' object cannot be interpreted as an integer");
        return (int)BigInteger.Clamp(integer, int.MinValue, int.MaxValue);
    }
}
