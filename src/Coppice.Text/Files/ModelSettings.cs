namespace Coppice.Text.Files;

/// <summary>The small members of a model, and where its large ones lie.</summary>
internal sealed class ModelSettings
{
    private const string Path = "model.";

    private readonly Dictionary<string, Range> _members;

    /// <summary>The settings among the <paramref name="members"/> of the file, which must hold an object "model".</summary>
    public ModelSettings(JsonSource source, Dictionary<string, Range> members)
    {
        if (!members.TryGetValue("model", out var model))
            throw new CheckpointException($"{source.Name}: model must be present, but it is missing.");
        if (source.Bytes.Span[model.Start] != '{') throw source.Field(model, "model").Wrong("an object");
        Source = source;
        _members = members;
    }

    public JsonSource Source { get; }

    /// <summary>The kind of model; the oldest files do not say it, but what they hold does.</summary>
    public string Type => OptionalText("type") ?? Guessed();

    public bool Has(string key) => _members.ContainsKey(Path + key);

    /// <summary>Where a member lies, which must be there.</summary>
    public Range Where(string key) => _members.TryGetValue(Path + key, out var where)
        ? where
        : throw new CheckpointException($"{Source.Name}: {Path}{key} must be present, but it is missing.");

    public string Text(string key) => Field(key)?.Text ?? throw Missing(key);

    public string? OptionalText(string key) => Field(key)?.Text;

    public int Integer(string key) => Field(key)?.Integer(int.MaxValue) ?? throw Missing(key);

    public bool Flag(string key) => Field(key)?.Flag ?? false;

    /// <summary>A small member, or null where it is missing or JSON null.</summary>
    public JsonField? Field(string key)
    {
        if (!_members.TryGetValue(Path + key, out var where)) return null;
        var field = Source.Field(where, Path + key);
        return field.IsNull ? null : field;
    }

    private CheckpointException Missing(string key) => new($"{Source.Name}: {Path}{key} must be present, but it is missing or null.");

    private string Guessed()
    {
        if (Has("merges")) return "BPE";
        if (Has("unk_id")) return "Unigram";
        return Has("max_input_chars_per_word") ? "WordPiece" : "WordLevel";
    }
}
