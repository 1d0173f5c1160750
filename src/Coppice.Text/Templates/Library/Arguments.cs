using System.Numerics;

namespace Coppice.Text.Templates;

/// <summary>The arguments of one call, by position and by name.</summary>
internal sealed class Arguments(object?[] positional, IReadOnlyList<KeyValuePair<string, object?>> keywords)
{
    /// <summary>No arguments.</summary>
    public static Arguments None { get; } = new([], []);

    /// <summary>Those by position.</summary>
    public object?[] Positional { get; } = positional;

    /// <summary>Those by name, in order.</summary>
    public IReadOnlyList<KeyValuePair<string, object?>> Keywords { get; } = keywords;

    /// <summary>
    /// Gives each of <paramref name="names"/> its value, the first <paramref name="required"/> of which must be there; the others
    /// are <see cref="Missing"/> where they are not.
    /// </summary>
    public Bound Bind(string function, int required, params string[] names)
    {
        if (Positional.Length > names.Length)
            throw TemplateException.Other($"{function}() takes at most {names.Length} arguments, and {Positional.Length} were given");
        var values = new object?[names.Length];
        Array.Fill(values, Missing.Value);
        Positional.CopyTo(values, 0);
        foreach (var (name, value) in Keywords)
        {
            var index = Array.IndexOf(names, name);
            if (index < 0) throw TemplateException.Other($"{function}() got an unexpected keyword argument '{name}'");
            if (!ReferenceEquals(values[index], Missing.Value))
                throw TemplateException.Other($"{function}() got multiple values for argument '{name}'");
            values[index] = value;
        }
        for (var i = 0; i < required; i++)
            if (ReferenceEquals(values[i], Missing.Value))
                throw TemplateException.Other($"{function}() missing required argument '{names[i]}'");
        return new Bound(function, names, values);
    }

    /// <summary>The same arguments with the first one by position taken off.</summary>
    public Arguments Rest() => new(Positional[1..], Keywords);
}

/// <summary>Arguments that have found their parameters.</summary>
internal readonly struct Bound(string function, string[] names, object?[] values)
{
    /// <summary>The value of a parameter, or <see cref="Missing"/>.</summary>
    public object? this[int index] => values[index];

    /// <summary>Whether a value was given.</summary>
    public bool Has(int index) => !ReferenceEquals(values[index], Missing.Value);

    /// <summary>The value, or another where none was given.</summary>
    public object? Or(int index, object? otherwise) => Has(index) ? values[index] : otherwise;

    /// <summary>The truth of a value.</summary>
    public bool IsTrue(int index, bool otherwise = false) => Has(index) ? Facts.IsTrue(values[index]) : otherwise;

    /// <summary>Whether there is a value other than None.</summary>
    public bool IsGiven(int index) => Has(index) && values[index] is not null;

    /// <summary>A text.</summary>
    public string Text(int index, string otherwise = "")
    {
        if (!Has(index)) return otherwise;
        return Facts.IsText(values[index], out var text) ? text
            : throw TemplateException.Other($"{function}() argument '{names[index]}' must be str, not {Facts.TypeName(values[index])}");
    }

    /// <summary>An int, brought into the range of <see cref="int"/>.</summary>
    public int Integer(int index, int otherwise = 0)
    {
        if (!Has(index)) return otherwise;
        return Facts.ToIndex(values[index], $"{function}() argument '{names[index]}'");
    }

    /// <summary>An int of any size.</summary>
    public BigInteger BigInteger(int index)
    {
        return Facts.IsInteger(values[index], out var integer) ? integer
            : throw TemplateException.Other($"'{Facts.TypeName(values[index])}' object cannot be interpreted as an integer");
    }
}
