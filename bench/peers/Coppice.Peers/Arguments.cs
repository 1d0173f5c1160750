using System.Globalization;

namespace Coppice.Peers;

/// <summary>Options of the command line: names with a value after them, and flags.</summary>
internal sealed class Arguments(IEnumerable<string> args)
{
    private readonly string[] _args = [.. args];

    public bool Flag(string name) => _args.Contains(name);

    /// <summary>The value of an option, or null.</summary>
    public string? Text(string name) => All(name) is [.., var last] ? last : null;

    /// <exception cref="ArgumentException">It is missing.</exception>
    public string Required(string name) => Text(name) ?? throw new ArgumentException($"{name}: must be given.");

    /// <exception cref="ArgumentException">It is not a whole number of at least 1.</exception>
    public int? Number(string name)
    {
        if (Text(name) is not { } text) return null;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1
            ? number : throw new ArgumentException($"{name}: must be a whole number of at least 1, got {text}.");
    }

    /// <summary>Whole numbers of at least 1, ascending, in "1,2,4"; null where the option is not given.</summary>
    /// <exception cref="ArgumentException">They are something else.</exception>
    public IReadOnlyList<int>? Numbers(string name)
    {
        if (Text(name) is not { } text) return null;
        var numbers = text.Split(',')
            .Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0).ToArray();
        var ascending = numbers.Zip(numbers.Skip(1)).All(pair => pair.First < pair.Second);
        return numbers[0] >= 1 && ascending ? numbers
            : throw new ArgumentException($"{name}: must be ascending whole numbers of at least 1 such as 1,2,4, got {text}.");
    }

    /// <summary>The values of an option that may be given several times.</summary>
    public IReadOnlyList<string> All(string name)
    {
        var values = new List<string>();
        for (var i = 0; i < _args.Length; i++)
        {
            if (_args[i] != name) continue;
            values.Add(i + 1 < _args.Length ? _args[++i] : throw new ArgumentException($"{name}: a value must follow it."));
        }
        return values;
    }
}
