using System.Numerics;
using System.Runtime.CompilerServices;

namespace Coppice.Text.Templates;

/// <summary>Python's == and hash(): numbers are equal across types, texts by characters, containers by elements.</summary>
internal sealed class ValueComparer(Budget budget) : IEqualityComparer<object>
{
    bool IEqualityComparer<object>.Equals(object? left, object? right) => AreEqual(left, right);

    int IEqualityComparer<object>.GetHashCode(object value) => Hash(value);

    /// <summary>Whether left == right in Python.</summary>
    public bool AreEqual(object? left, object? right)
    {
        budget.Spend();
        if (ReferenceEquals(left, right)) return left is not double real || !double.IsNaN(real);
        if (Facts.IsText(left, out var leftText))
        {
            if (!Facts.IsText(right, out var rightText) || leftText.Length != rightText.Length) return false;
            budget.Spend(leftText.Length / 64);
            return leftText == rightText;
        }
        if (left is bool or BigInteger or double) return right is bool or BigInteger or double && Numbers.Compare(left, right) == 0;
        if (left is Undefined) return right is Undefined;
        if (left is null || right is null) return false;
        budget.Enter();
        var equal = AreContainersEqual(left, right);
        budget.Leave();
        return equal;
    }

    private bool AreContainersEqual(object left, object right)
    {
        if (left is ListValue or TupleValue)
        {
            if (left is ListValue != right is ListValue || right is not SequenceValue) return false;
            var (a, b) = (((SequenceValue)left).Items, ((SequenceValue)right).Items);
            if (a.Length != b.Length) return false;
            for (var i = 0; i < a.Length; i++)
                if (!AreEqual(a[i], b[i])) return false;
            return true;
        }
        if (left is DictValue dict && right is DictValue other)
        {
            return dict.Length == other.Length
                && dict.Entries.All(entry => other.TryGet(entry.Key, out var value) && AreEqual(entry.Value, value));
        }
        if (left is RangeValue range && right is RangeValue otherRange)
            return range.Length == otherRange.Length && range.Elements.SequenceEqual(otherRange.Elements);
        return false;
    }

    /// <summary>Python's hash(); throws for lists and dicts.</summary>
    public int Hash(object? value)
    {
        budget.Spend();
        switch (value)
        {
            case bool or BigInteger or double:
                return Numbers.Hash(value);
            case string or Markup:
                var text = value.ToString()!;
                budget.Spend(text.Length / 64);
                return text.GetHashCode();
            case Undefined:
                return typeof(Undefined).GetHashCode();
            case TupleValue tuple:
                budget.Enter();
                var hash = tuple.Items.Aggregate(tuple.Items.Length, (sum, item) => HashCode.Combine(sum, item is null ? 0 : Hash(item)));
                budget.Leave();
                return hash;
            case RangeValue range:
                return range.Length.GetHashCode();
            case ListValue or DictValue or DictView { TypeName: not "dict_values" }:
                throw TemplateException.Other($"unhashable type: '{Facts.TypeName(value)}'");
            default:
                return value is null ? 0 : RuntimeHelpers.GetHashCode(value);
        }
    }
}
