using System.Text.Json;

namespace Coppice.Text.Files;

/// <summary>One value of a JSON file with its path, so that every error names file, field, what must hold and what was found.</summary>
internal readonly struct JsonField
{
    private readonly JsonElement _value;

    /// <summary>The value <paramref name="value"/> at <paramref name="path"/> of the file <paramref name="file"/>.</summary>
    public JsonField(string file, string path, JsonElement value)
    {
        File = file;
        Path = path;
        _value = value;
    }

    public string File { get; }

    public string Path { get; }

    public bool IsNull => _value.ValueKind == JsonValueKind.Null;

    public bool IsObject => _value.ValueKind == JsonValueKind.Object;

    public bool IsArray => _value.ValueKind == JsonValueKind.Array;

    public bool IsString => _value.ValueKind == JsonValueKind.String;

    public string Text => IsString ? Decoded(_value.GetString) : throw Wrong("a string");

    public bool Flag => _value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Wrong("true or false"),
    };

    /// <summary>A string of exactly one character.</summary>
    public string Character => Text is var text && text.Length > 0 && text.Length == (char.IsHighSurrogate(text[0]) ? 2 : 1)
        ? text
        : throw Wrong("a string of one character");

    /// <summary>The member <paramref name="key"/>, or null where it is missing or JSON null.</summary>
    public JsonField? Optional(string key)
    {
        if (!IsObject) throw Wrong("an object");
        try
        {
            return _value.TryGetProperty(key, out var member) && member.ValueKind != JsonValueKind.Null ? Member(key, member) : null;
        }
        catch (InvalidOperationException error)
        {
            throw new CheckpointException($"{File}: {Path} must have keys of valid Unicode text, found an unpaired surrogate.", error);
        }
    }

    /// <summary>The member <paramref name="key"/>, which must be there.</summary>
    public JsonField Required(string key) =>
        Optional(key) ?? throw new CheckpointException($"{File}: {Dotted(key)} must be present, but it is missing or null.");

    public bool FlagOr(string key, bool otherwise) => Optional(key)?.Flag ?? otherwise;

    /// <summary>An integer from 0 to <paramref name="largest"/>.</summary>
    public int Integer(int largest) =>
        _value.ValueKind == JsonValueKind.Number && _value.TryGetInt32(out var number) && number >= 0 && number <= largest
            ? number
            : throw Wrong($"an integer from 0 to {largest}");

    /// <summary>A whole number from 1 that 32 bits hold; null for anything else, as for the 1e30 that stands for "any number".</summary>
    public int? Count => _value.ValueKind == JsonValueKind.Number && _value.TryGetDouble(out var number)
        && number >= 1 && number < int.MaxValue && number == Math.Floor(number) ? (int)number : null;

    /// <summary>The text in quotes for a message: at most about 60 characters, on one line.</summary>
    public static string Quote(string text)
    {
        var clipped = text.Length > 60 ? string.Concat(text.AsSpan(0, 60), "...") : text;
        return $"\"{string.Concat(clipped.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c))}\"";
    }

    /// <summary>The elements of an array.</summary>
    public List<JsonField> Items()
    {
        if (!IsArray) throw Wrong("an array");
        var items = new List<JsonField>();
        foreach (var element in _value.EnumerateArray()) items.Add(new JsonField(File, $"{Path}[{items.Count}]", element));
        return items;
    }

    /// <summary>The members of an object in file order.</summary>
    public List<(string Key, JsonField Value)> Members()
    {
        if (!IsObject) throw Wrong("an object");
        var members = new List<(string, JsonField)>();
        foreach (var property in _value.EnumerateObject())
        {
            var key = Decoded(() => property.Name);
            members.Add((key, Member(key, property.Value)));
        }
        return members;
    }

    /// <summary>The error that this value is not <paramref name="expected"/>.</summary>
    public CheckpointException Wrong(string expected)
    {
        var found = _value.ValueKind == JsonValueKind.Undefined ? "nothing" : _value.GetRawText();
        if (found.Length > 60) found = string.Concat(found.AsSpan(0, 60), "...");
        return new CheckpointException($"{File}: {(Path.Length == 0 ? "the file" : Path)} must be {expected}, found {found}.");
    }

    /// <summary>The error that the kind named by this value is not among <paramref name="supported"/>.</summary>
    public UnsupportedModelException Unsupported(string supported) =>
        new($"{File}: {Path} \"{Text}\" is not supported; supported: {supported}.");

    private JsonField Member(string key, JsonElement value) => new(File, Dotted(key), value);

    private string Dotted(string key) => Path.Length == 0 ? key : $"{Path}.{key}";

    // An escape that stands for half a surrogate pair is well-formed JSON but no text: the reader throws InvalidOperationException.
    private string Decoded(Func<string?> read)
    {
        try
        {
            return read() ?? "";
        }
        catch (InvalidOperationException error)
        {
            throw new CheckpointException($"{File}: {Path} must be valid Unicode text, found an unpaired surrogate.", error);
        }
    }
}
