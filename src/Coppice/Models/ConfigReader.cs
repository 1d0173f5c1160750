using System.Text.Json;
using Coppice.Weights;

namespace Coppice.Models;

/// <summary>Reads a configuration with three verbs - required, default, must be - and reports all its problems together.</summary>
/// <remarks>After a problem the verbs answer something harmless and reading goes on; <see cref="ThrowProblems"/> ends it before anything is
/// built from the answers.</remarks>
internal sealed class ConfigReader
{
    /// <summary>No extent of a model is larger: products of two stay far from 64 bits.</summary>
    public const int MaxSize = 1 << 27;

    /// <summary>Keys under which the config of a text model stands in that of a model of several kinds.</summary>
    private static readonly string[] TextSections = ["text_config", "llm_config", "language_config"];

    /// <summary>Keys that such a config writes once, outside the section.</summary>
    private static readonly string[] Inherited = ["tie_word_embeddings", "eos_token_id", "quantization_config", "compression_config"];

    private readonly string _file;
    private readonly string _path;
    private readonly JsonElement _object;
    private readonly Problems _problems;
    private readonly JsonElement? _wrapper;

    private ConfigReader(string file, string path, JsonElement element, Problems problems, JsonElement? wrapper = null) =>
        (_file, _path, _object, _problems, _wrapper) = (file, path, element, problems, wrapper);

    private sealed record Problems(List<string> Malformed, List<string> Contradictions, List<string> Unsupported);

    /// <summary>Reads the file <paramref name="name"/> of <paramref name="folder"/>.</summary>
    /// <exception cref="CheckpointException">It is missing or not a JSON object.</exception>
    public static ConfigReader Open(string folder, string name = "config.json")
    {
        using var document = JsonFile.Read(folder, name);
        return new ConfigReader(name, "", document.RootElement.Clone(), new Problems([], [], []));
    }

    /// <summary>
    /// Reads the file <paramref name="name"/> of <paramref name="folder"/>, a list of objects, whose problems are reported together.
    /// </summary>
    /// <exception cref="CheckpointException">It is missing or not a list of objects.</exception>
    public static IReadOnlyList<ConfigReader> OpenList(string folder, string name)
    {
        using var document = JsonFile.ReadList(Path.Combine(folder, name));
        var problems = new Problems([], [], []);
        var readers = new List<ConfigReader>();
        foreach (var element in document.RootElement.EnumerateArray())
        {
            if (element.ValueKind != JsonValueKind.Object)
                throw new CheckpointException($"{name}: [{readers.Count}] must be an object, found {CheckpointText.Value(element)}.");
            readers.Add(new ConfigReader(name, $"[{readers.Count}].", element.Clone(), problems));
        }
        return readers;
    }

    /// <summary>Reads <paramref name="json"/>, called <paramref name="name"/> in messages.</summary>
    public static ConfigReader Parse(string json, string name = "config.json")
    {
        using var document = JsonFile.Parse(name, System.Text.Encoding.UTF8.GetBytes(json));
        return new ConfigReader(name, "", document.RootElement.Clone(), new Problems([], [], []));
    }

    /// <summary>Whether <paramref name="key"/> has a value; null counts as none.</summary>
    public bool Has(string key) => Find(key, out _);

    /// <summary>Whether <paramref name="key"/> stands in the file, with null or with a value.</summary>
    public bool Mentions(string key) => Stored(key, out _);

    /// <summary>The JSON of <paramref name="key"/>, or null where there is none.</summary>
    public JsonElement? Value(string key) => Find(key, out var value) ? value : null;

    /// <summary>The value of <paramref name="key"/>; none is a problem.</summary>
    public T Required<T>(string key)
    {
        if (Find(key, out _)) return Default<T>(key, default!);
        _problems.Malformed.Add($"{_path}{key} must be {Kind<T>()}, found {(Mentions(key) ? "null" : "none")}");
        return typeof(T) == typeof(string) ? (T)(object)"" : default!;
    }

    /// <summary>The value of <paramref name="key"/>, or <paramref name="whenMissing"/>.</summary>
    public T Default<T>(string key, T whenMissing)
    {
        if (!Find(key, out var value)) return whenMissing;
        if (TryConvert<T>(value, out var converted)) return converted;
        _problems.Malformed.Add($"{_path}{key} must be {Kind<T>()}, found {CheckpointText.Value(value)}");
        return whenMissing ?? (typeof(T) == typeof(string) ? (T)(object)"" : default!);
    }

    /// <summary>
    /// The value of <paramref name="key"/>, which nothing depends on, or null where there is none. A value of another kind, or one that
    /// does not hold, is none, and a sentence in <paramref name="ignored"/>.
    /// </summary>
    public T? Advice<T>(string key, Func<T, bool> holds, string must, List<string> ignored) where T : struct
    {
        if (!Find(key, out var json)) return null;
        if (TryConvert<T>(json, out var value) && holds(value)) return value;
        ignored.Add($"{Wrong(key, must, CheckpointText.Value(json))}; it is ignored.");
        return null;
    }

    /// <summary>A size: a whole number from 1 to <see cref="MaxSize"/>; none is a problem.</summary>
    public int RequiredSize(string key) => Has(key) ? Size(key, Default(key, 1)) : Math.Max(Required<int>(key), 1);

    /// <summary>A size, or <paramref name="whenMissing"/>.</summary>
    public int DefaultSize(string key, int whenMissing) => Has(key) ? RequiredSize(key) : whenMissing;

    /// <summary>A positive, finite number, or <paramref name="whenMissing"/>.</summary>
    public double DefaultPositive(string key, double whenMissing)
    {
        var value = Default(key, whenMissing);
        if (value > 0 && double.IsFinite(value)) return value;
        _problems.Malformed.Add($"{_path}{key} must be a positive number, found {value}");
        return 1;
    }

    /// <summary>A positive, finite number; none is a problem.</summary>
    public double RequiredPositive(string key) => Has(key) ? DefaultPositive(key, 1) : Math.Max(Required<double>(key), 1);

    /// <summary>A value other than <paramref name="supported"/> is not supported; none is fine.</summary>
    public void MustBe<T>(string key, T supported)
    {
        if (!Find(key, out var value)) return;
        if (!TryConvert<T>(value, out var converted) || !EqualityComparer<T>.Default.Equals(converted, supported))
            Unsupported(key, CheckpointText.Value(value), supported?.ToString() ?? "null");
    }

    /// <summary>One or several whole numbers, as ids of end tokens are; none gives none.</summary>
    public IReadOnlyList<int> Ids(string key)
    {
        if (!Find(key, out var value)) return [];
        if (value.ValueKind == JsonValueKind.Number) return [Required<int>(key)];
        if (value.ValueKind == JsonValueKind.Array) return [.. Elements<int>(key, value)];
        _problems.Malformed.Add($"{_path}{key} must be a whole number or a list of them, found {CheckpointText.Value(value)}");
        return [];
    }

    /// <summary>
    /// The whole numbers among what <see cref="Ids"/> reads; for each other value <paramref name="wrong"/> gets what <see cref="Wrong"/>
    /// says of it.
    /// </summary>
    public IReadOnlyList<int> AdvisedIds(string key, string must, List<string> wrong)
    {
        if (!Find(key, out var value)) return [];
        var ids = new List<int>();
        foreach (var element in value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : (JsonElement[])[value])
        {
            if (TryConvert<int>(element, out var id)) ids.Add(id);
            else wrong.Add(Wrong(key, must, CheckpointText.Value(element)));
        }
        return ids;
    }

    /// <summary>That <paramref name="found"/> under <paramref name="key"/> is not what it must be, without a full stop.</summary>
    public string Wrong(string key, string must, string found) => $"{_file}: {_path}{key} must be {must}, found {found}";

    /// <summary>A list of exactly <paramref name="count"/> finite numbers; none is a problem.</summary>
    public IReadOnlyList<double> Numbers(string key, int count)
    {
        var numbers = Find(key, out var value) ? Elements<double>(key, value) : [];
        if (numbers.Count == count) return numbers;
        _problems.Malformed.Add($"{_path}{key} must be a list of {count} numbers, found {numbers.Count}");
        return [.. Enumerable.Repeat(1.0, Math.Min(count, MaxSize))];
    }

    /// <summary>A list of strings, or null where there is none.</summary>
    public IReadOnlyList<string>? Texts(string key) => Find(key, out var value) ? Elements<string>(key, value) : null;

    /// <summary>The object under <paramref name="key"/>, or null where there is none. Its problems are reported with these.</summary>
    public ConfigReader? Section(string key)
    {
        if (!Find(key, out var value)) return null;
        if (value.ValueKind == JsonValueKind.Object) return new ConfigReader(_file, $"{_path}{key}.", value, _problems);
        _problems.Malformed.Add($"{_path}{key} must be an object, found {CheckpointText.Value(value)}");
        return null;
    }

    /// <summary>The config of the text model in this one of a model of several kinds, or null where there is none.</summary>
    /// <remarks>What it does not say itself of <see cref="Inherited"/> is taken from the whole.</remarks>
    public ConfigReader? TextModel()
    {
        var key = Array.Find(TextSections, Has);
        return key is null || !Find(key, out var value) || value.ValueKind != JsonValueKind.Object
            ? null : new ConfigReader(_file, $"{_path}{key}.", value, _problems, _object);
    }

    /// <summary>Notes <paramref name="problem"/>: the file asks for what the engine does not have.</summary>
    public void Refuse(string problem) => _problems.Unsupported.Add($"{_path}{problem}");

    /// <summary>Notes that the engine does not have what <paramref name="key"/> asks for.</summary>
    public void Unsupported(string key, string value, string supported) =>
        _problems.Unsupported.Add($"{_path}{key} {value} is not supported; supported: {supported}");

    /// <summary>
    /// Notes that <paramref name="key"/> contradicts the rest. It is said only where each value alone is well formed: what was answered in
    /// place of one that is not contradicts others too.
    /// </summary>
    public void Malformed(string key, string expected, string found) =>
        _problems.Contradictions.Add($"{_path}{key} must be {expected}, found {found}");

    /// <summary>Throws what was noted so far, all of it in one message.</summary>
    /// <exception cref="CheckpointException">The file is malformed.</exception>
    /// <exception cref="UnsupportedModelException">The file is well formed but asks for what the engine does not have.</exception>
    public void ThrowProblems()
    {
        var malformed = _problems.Malformed.Count > 0 ? _problems.Malformed : _problems.Contradictions;
        var all = string.Join("; ", malformed.Concat(_problems.Unsupported).Distinct().Take(20));
        if (malformed.Count > 0) throw new CheckpointException($"{_file}: {all}.");
        if (_problems.Unsupported.Count > 0) throw new UnsupportedModelException($"{_file}: {all}.");
    }

    private bool Find(string key, out JsonElement value) => Stored(key, out value) && value.ValueKind != JsonValueKind.Null;

    private bool Stored(string key, out JsonElement value) =>
        _object.TryGetProperty(key, out value)
        || (_wrapper is { } wrapper && Inherited.Contains(key) && wrapper.TryGetProperty(key, out value));

    private int Size(string key, int value)
    {
        if (value is >= 1 and <= MaxSize) return value;
        _problems.Malformed.Add($"{_path}{key} must be from 1 to {MaxSize:N0}, found {value}");
        return 1;
    }

    private List<T> Elements<T>(string key, JsonElement value)
    {
        var elements = new List<T>();
        if (value.ValueKind != JsonValueKind.Array)
        {
            _problems.Malformed.Add($"{_path}{key} must be a list, found {CheckpointText.Value(value)}");
            return elements;
        }
        foreach (var element in value.EnumerateArray())
        {
            if (TryConvert<T>(element, out var converted)) elements.Add(converted);
            else _problems.Malformed.Add($"{_path}{key} must hold {Kinds<T>()}, found {CheckpointText.Value(element)}");
        }
        return elements;
    }

    private static bool TryConvert<T>(JsonElement value, out T converted)
    {
        object? result = null;
        if (typeof(T) == typeof(bool) && value.ValueKind is JsonValueKind.True or JsonValueKind.False) result = value.GetBoolean();
        else if (typeof(T) == typeof(int) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var whole)
                 && whole == Math.Floor(whole) && Math.Abs(whole) <= int.MaxValue) result = (int)whole;
        else if (typeof(T) == typeof(double) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var real)
            && double.IsFinite(real)) result = real;
        else if (typeof(T) == typeof(string) && value.ValueKind == JsonValueKind.String) result = TryText(value);
        converted = result is null ? default! : (T)result;
        return result is not null;
    }

    private static string? TryText(JsonElement value)
    {
        try { return value.GetString(); }
        catch (InvalidOperationException) { return null; }      // a lone surrogate written as an escape
    }

    private static string Kind<T>() => typeof(T) == typeof(bool) ? "true or false"
        : typeof(T) == typeof(int) ? "a whole number" : typeof(T) == typeof(double) ? "a number" : "a string";

    private static string Kinds<T>() => typeof(T) == typeof(bool) ? Kind<T>() : Kind<T>()[2..] + "s";
}
