using System.Globalization;
using System.Numerics;

namespace Coppice.Text.Templates;

/// <summary>Attributes, subscripts and slices, with what the sandbox withholds.</summary>
internal static class Access
{
    private static readonly HashSet<string> ObjectAttributes =
    [
        "__class__", "__delattr__", "__dir__", "__doc__", "__eq__", "__format__", "__ge__", "__getattribute__", "__getstate__", "__gt__",
        "__hash__", "__init__", "__init_subclass__", "__le__", "__lt__", "__ne__", "__new__", "__reduce__", "__reduce_ex__", "__repr__",
        "__setattr__", "__sizeof__", "__str__", "__subclasshook__",
    ];

    private static readonly HashSet<string> ContainerAttributes =
    [
        "__len__", "__iter__", "__getitem__", "__contains__", "__add__", "__mul__", "__mod__", "__rmul__", "__reversed__", "__setitem__",
        "__delitem__", "__class_getitem__", "__or__",
    ];

    /// <summary>object.name: the attribute, or else the element of that name.</summary>
    public static object? Attribute(object? target, string name)
    {
        if (target is Undefined undefined)
            return ObjectAttributes.Contains(name) || ContainerAttributes.Contains(name) ? Unsafe(target, name) : throw undefined.Error();
        var value = FindAttribute(target, name);
        if (!ReferenceEquals(value, Missing.Value)) return value;
        if (target is DictValue dict && dict.TryGet(name, out var item)) return item;
        return NoAttribute(target, name);
    }

    /// <summary>object[index]: the element, or else the attribute of that name.</summary>
    public static object? Item(object? target, object? index)
    {
        if (target is Undefined undefined) throw undefined.Error();
        var item = FindItem(target, index);
        if (!ReferenceEquals(item, Missing.Value)) return item;
        if (!Facts.IsText(index, out var name))
            return new Undefined($"{Facts.Description(target)} has no element {Name(index)}");
        var value = FindAttribute(target, name);
        return ReferenceEquals(value, Missing.Value) ? NoAttribute(target, name) : value;
    }

    // What is told of a missing element: plain values as they are, containers by type, so that no rendering is spent on a message.
    private static string Name(object? index) => index switch
    {
        null => "None",
        double real => Numbers.Represent(real),
        BigInteger whole => whole.ToString(CultureInfo.InvariantCulture),
        TemplateValue container => $"of type {container.TypeName}",
        _ => index.ToString()!,
    };

    private static Undefined NoAttribute(object? target, string name) => new($"'{Facts.Description(target)}' has no attribute '{name}'");

    /// <summary>The attribute of that name, an undefined value where the sandbox withholds it, or <see cref="Missing"/>.</summary>
    public static object? FindAttribute(object? target, string name)
    {
        var isNamespace = target is NamespaceValue;
        var isContainer = target is string or Markup or SequenceValue or DictValue or RangeValue or DictView;
        if ((!isNamespace && ObjectAttributes.Contains(name)) || (isContainer && ContainerAttributes.Contains(name)))
            return Unsafe(target, name);
        var value = target switch
        {
            string or Markup => StringMethods.Find(target, name),
            bool or BigInteger or double => NumberAttribute(target, name),
            TemplateValue other => other.Attribute(name),
            _ => Missing.Value,
        };
        if (ReferenceEquals(value, Missing.Value)) return value;
        return name.StartsWith('_') || SequenceMethods.Modifies(target, name) ? Unsafe(target, name) : value;
    }

    private static Undefined Unsafe(object? target, string name) =>
        new($"access to attribute '{name}' of '{Facts.TypeName(target)}' object is unsafe.", TemplateErrorKind.Security);

    private static object? NumberAttribute(object? number, string name)
    {
        var isInteger = Facts.IsInteger(number, out var integer);
        return name switch
        {
            "real" => isInteger ? integer : number,
            "imag" => isInteger ? BigInteger.Zero : 0.0,
            "numerator" when isInteger => integer,
            "denominator" when isInteger => BigInteger.One,
            "conjugate" => FunctionValue.Method((_, _) => isInteger ? integer : number),
            "bit_length" when isInteger => FunctionValue.Method((_, _) => (BigInteger)BigInteger.Abs(integer).GetBitLength()),
            "is_integer" when number is double real => FunctionValue.Method((_, _) => Math.Floor(real) == real && double.IsFinite(real)),
            _ => Missing.Value,
        };
    }

    private static object? FindItem(object? target, object? index)
    {
        if (target is DictValue dict)
        {
            if (index is ListValue or DictValue) return Missing.Value;
            return dict.TryGet(index, out var value) ? value : Missing.Value;
        }
        if (!Facts.IsInteger(index, out var position)) return Missing.Value;
        if (target is not (string or Markup or SequenceValue or RangeValue)) return Missing.Value;
        var length = Facts.Length(target);
        if (position.Sign < 0) position += length;
        if (position.Sign < 0 || position >= length) return Missing.Value;
        return target switch
        {
            SequenceValue sequence => sequence.Items[(int)position],
            RangeValue range => range.At((int)position),
            _ => Arithmetic.Like(target, CodePoints.Cut(target.ToString()!, (int)position, (int)position + 1)),
        };
    }

    /// <summary>object[start:stop:step].</summary>
    public static object? Slice(object? target, object? start, object? stop, object? step, Budget budget)
    {
        if (target is Undefined undefined) throw undefined.Error();
        if (target is not (string or Markup or SequenceValue or RangeValue))
            throw TemplateException.Other(
                target is DictValue ? "unhashable type: 'slice'" : $"'{Facts.TypeName(target)}' object is not subscriptable");
        var length = Facts.Length(target);
        var by = step is null ? 1 : Bound(step);
        if (by == 0) throw TemplateException.Other("slice step cannot be zero");
        var (low, high) = by > 0 ? (0, length) : (-1, length - 1);
        var from = start is null ? (by > 0 ? low : high) : Place(start, length, low, high);
        var to = stop is null ? (by > 0 ? high : low) : Place(stop, length, low, high);
        var count = by > 0 ? Math.Max(0L, ((long)to - from + by - 1) / by) : Math.Max(0L, ((long)from - to - by - 1) / -(long)by);
        if (Facts.IsText(target, out var text))
        {
            budget.SpendOnText(text.Length);
            return Arithmetic.Like(target, by == 1 ? CodePoints.Cut(text, from, to) : Pick(text, from, by, count));
        }
        budget.SpendOnContainer(count);
        var items = target is RangeValue range ? Enumerable.Range(0, length).Select(range.At).ToArray() : ((SequenceValue)target).Items;
        if (target is RangeValue whole)
            return new RangeValue(whole.Start + whole.Step * from, whole.Start + whole.Step * to, whole.Step * by);
        var picked = by == 1 && count == items.Length ? items : Indices(from, by, count).Select(i => items[i]).ToArray();
        return target is ListValue ? new ListValue(picked) : new TupleValue(picked);
    }

    private static IEnumerable<int> Indices(int from, int by, long count)
    {
        for (long i = 0, at = from; i < count; i++, at += by) yield return (int)at;
    }

    private static string Pick(string text, int from, int by, long count)
    {
        if (!CodePoints.HasPairs(text)) return string.Concat(Indices(from, by, count).Select(i => text[i]));
        var characters = CodePoints.Characters(text).ToArray();
        return string.Concat(Indices(from, by, count).Select(i => characters[i]));
    }

    private static int Place(object bound, int length, int low, int high)
    {
        var value = (long)Bound(bound);
        return (int)Math.Clamp(value < 0 ? value + length : value, low, high);
    }

    private static int Bound(object? bound) => bound is Undefined || !Facts.IsInteger(bound, out var value)
        ? throw TemplateException.Other("slice indices must be integers or None or have an __index__ method")
        : (int)BigInteger.Clamp(value, -int.MaxValue, int.MaxValue);
}
