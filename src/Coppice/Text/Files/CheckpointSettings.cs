using System.Text;

namespace Coppice.Text.Files;

/// <summary>What the files beside the tokenizer say: which tokens have which role, and the chat templates.</summary>
internal sealed class CheckpointSettings
{
    private readonly Dictionary<string, string> _named;
    private readonly Dictionary<string, string> _templates;

    private CheckpointSettings(Dictionary<string, string> named, Dictionary<string, string> templates)
    {
        _named = named;
        _templates = templates;
    }

    /// <summary>The chat templates by name; the one for ordinary use is called "default".</summary>
    public IReadOnlyDictionary<string, string> ChatTemplates => _templates;

    /// <summary>Reads tokenizer_config.json, special_tokens_map.json, chat_template.json and chat_template.jinja as far as they exist.</summary>
    public static CheckpointSettings Read(string folder)
    {
        var named = new Dictionary<string, string>();
        var templates = new Dictionary<string, string>();
        if (ReadObject(folder, "special_tokens_map.json") is { } map) AddNamed(map, named);
        if (ReadObject(folder, "tokenizer_config.json") is { } config)
        {
            AddNamed(config, named);
            AddTemplates(config, templates);
        }
        if (ReadObject(folder, "chat_template.json") is { } file) AddTemplates(file, templates);
        AddTemplateFiles(folder, templates);
        return new CheckpointSettings(named, templates);
    }

    /// <summary>The tokens with a role; <paramref name="idOf"/> finds their ids.</summary>
    public SpecialTokens SpecialTokens(Func<string, int?> idOf)
    {
        int? Id(string role) => _named.TryGetValue(role, out var token) ? idOf(token) : null;
        return new SpecialTokens
        {
            Beginning = _named.GetValueOrDefault("bos_token"),
            End = _named.GetValueOrDefault("eos_token"),
            Padding = _named.GetValueOrDefault("pad_token"),
            Unknown = _named.GetValueOrDefault("unk_token"),
            BeginningId = Id("bos_token"),
            EndId = Id("eos_token"),
            PaddingId = Id("pad_token"),
            UnknownId = Id("unk_token"),
            Named = _named,
        };
    }

    private static JsonField? ReadObject(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        if (!File.Exists(path)) return null;
        var field = JsonSource.Read(path).Field(Range.All, "");
        return field.IsObject ? field : throw field.Wrong("an object");
    }

    // A token is a string or an added token written out as an object.
    private static void AddNamed(JsonField file, Dictionary<string, string> named)
    {
        foreach (var (key, value) in file.Members())
        {
            if (!key.EndsWith("_token", StringComparison.Ordinal)) continue;
            if (value.IsString) named[key] = value.Text;
            else if (value.IsObject && value.Optional("content") is { } content) named[key] = content.Text;
        }
    }

    // One template, or a list of templates with names.
    private static void AddTemplates(JsonField file, Dictionary<string, string> templates)
    {
        if (file.Optional("chat_template") is not { } field) return;
        if (field.IsString)
        {
            templates["default"] = field.Text;
            return;
        }
        if (!field.IsArray) throw field.Wrong("a string or a list of named templates");
        foreach (var item in field.Items()) templates[item.Required("name").Text] = item.Required("template").Text;
    }

    private static void AddTemplateFiles(string folder, Dictionary<string, string> templates)
    {
        AddTemplateFile(Path.Combine(folder, "chat_template.jinja"), "default", templates);
        var further = Path.Combine(folder, "additional_chat_templates");
        if (!Directory.Exists(further)) return;
        foreach (var path in Directory.EnumerateFiles(further, "*.jinja").Order(StringComparer.Ordinal))
            AddTemplateFile(path, Path.GetFileNameWithoutExtension(path), templates);
    }

    private static void AddTemplateFile(string path, string name, Dictionary<string, string> templates)
    {
        if (!File.Exists(path)) return;
        try
        {
            templates[name] = File.ReadAllText(path, Encoding.UTF8);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{Path.GetFileName(path)}: must be readable, but {error.Message}", error);
        }
    }
}
