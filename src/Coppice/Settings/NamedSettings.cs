using System.Globalization;

namespace Coppice.Settings;

/// <summary>
/// The part "key=value,key=value" of a text such as "beam:beams=4"; each name takes the keys that it knows.
/// </summary>
internal class NamedSettings
{
    private readonly string _owner;
    private readonly Dictionary<string, string> _values = [];
    private readonly List<string> _known = [];

    /// <summary>Splits <paramref name="text"/>.</summary>
    /// <param name="kind">"strategy", for messages.</param>
    /// <param name="name">"beam", for messages.</param>
    /// <param name="text">The settings; empty for none.</param>
    /// <exception cref="ArgumentException">A part is not key=value, or a key occurs twice.</exception>
    public NamedSettings(string kind, string name, string text)
    {
        _owner = $"{kind} {name}";
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1) throw Wrong($"settings must be key=value,key=value, got \"{part}\"");
            var key = part[..equals].Trim();
            if (!_values.TryAdd(key, part[(equals + 1)..].Trim())) throw Wrong($"{key} must be given once, got it twice");
        }
    }

    /// <summary>A whole number.</summary>
    public int Whole(string key, int whenMissing) => Read(key, whenMissing, "a whole number",
        (string text, out int value) => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value));

    /// <summary>A finite number.</summary>
    public double Real(string key, double whenMissing) => Read(key, whenMissing, "a number",
        (string text, out double value) =>
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value));

    /// <summary>true or false.</summary>
    public bool Flag(string key, bool whenMissing) =>
        Read(key, whenMissing, "true or false", (string text, out bool value) => bool.TryParse(text, out value));

    /// <summary>One of the names of an enumeration, in kebab case.</summary>
    public T OneOf<T>(string key, T whenMissing) where T : struct, Enum =>
        Read(key, whenMissing, $"one of {string.Join(", ", Enum.GetNames<T>().Select(Kebab))}", (string text, out T value) =>
        {
            value = Enum.GetValues<T>().FirstOrDefault(candidate => Kebab(candidate.ToString()) == text);
            return Kebab(value.ToString()) == text;
        });

    /// <summary>A text that is not empty, or null.</summary>
    public string? Text(string key) => Read<string?>(key, null, "a text", (string text, out string? value) => (value = text).Length > 0);

    /// <summary>Throws where a key was given that was not read.</summary>
    /// <exception cref="ArgumentException">There is one.</exception>
    public void RequireNoneLeft()
    {
        if (_values.Keys.FirstOrDefault(key => !_known.Contains(key)) is { } unknown)
        {
            var known = _known.Count == 0 ? "takes no settings" : $"settings are {string.Join(", ", _known)}";
            throw Wrong($"{known}, got \"{unknown}\"{NearestName.Hint(unknown, _known)}");
        }
    }

    private delegate bool TryParse<T>(string text, out T value);

    private T Read<T>(string key, T whenMissing, string must, TryParse<T> parse)
    {
        _known.Add(key);
        if (!_values.TryGetValue(key, out var text)) return whenMissing;
        return parse(text, out var value) ? value : throw Wrong($"{key} must be {must}, got \"{text}\"");
    }

    /// <summary>"AsReleased" as "as-released".</summary>
    internal static string Kebab(string name) =>
        string.Concat(name.Select((c, i) => char.IsUpper(c) ? (i == 0 ? "" : "-") + char.ToLowerInvariant(c) : c.ToString()));

    private ArgumentException Wrong(string what) => new($"{_owner}: {what}.");
}
