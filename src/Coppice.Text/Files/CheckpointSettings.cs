using System.Globalization;
using System.Text;
using Coppice.Text.Normalizers;
using Coppice.Text.TokenModels;

namespace Coppice.Text.Files;

/// <summary>What the files beside the tokenizer say: which tokens have which role, and the chat templates.</summary>
internal sealed class CheckpointSettings
{
    private readonly Dictionary<string, string> _named;
    private readonly Dictionary<string, string> _templates;

    private readonly JsonField? _config;
    private readonly string _folder;

    private CheckpointSettings(string folder, JsonField? config, Dictionary<string, string> named, Dictionary<string, string> templates)
    {
        _folder = folder;
        _config = config;
        _named = named;
        _templates = templates;
    }

    /// <summary>The class of transformers that the tokenizer was saved from, or null.</summary>
    public string? TokenizerClass => _config?.Optional("tokenizer_class")?.Text;

    /// <summary>Whether texts are framed with the beginning token, null where that is not said.</summary>
    public bool? AddsBeginning => _config?.Optional("add_bos_token")?.Flag;

    /// <summary>Whether texts are framed with the end token, null where that is not said.</summary>
    public bool? AddsEnd => _config?.Optional("add_eos_token")?.Flag;

    /// <summary>Whether a space is put before texts.</summary>
    public bool AddsPrefixSpace => FlagOr("add_prefix_space", false);

    /// <summary>A flag of tokenizer_config.json, or <paramref name="otherwise"/> where it is absent or null.</summary>
    public bool FlagOr(string key, bool otherwise) => _config?.FlagOr(key, otherwise) ?? otherwise;

    /// <summary>The token of a role such as "bos_token", or null.</summary>
    public string? Named(string role) => _named.GetValueOrDefault(role);

    /// <summary>The chat templates by name; the one for ordinary use is called "default".</summary>
    public IReadOnlyDictionary<string, string> ChatTemplates => _templates;

    /// <summary>
    /// Reads tokenizer_config.json, special_tokens_map.json, chat_template.json and chat_template.jinja as far as they exist.
    /// </summary>
    public static CheckpointSettings Read(string folder)
    {
        var named = new Dictionary<string, string>();
        var templates = new Dictionary<string, string>();
        if (ReadObject(folder, "special_tokens_map.json") is { } map) AddNamed(map, named);
        var config = ReadObject(folder, "tokenizer_config.json");
        if (config is { } settings)
        {
            AddNamed(settings, named);
            AddTemplates(settings, templates);
        }
        if (ReadObject(folder, "chat_template.json") is { } file) AddTemplates(file, templates);
        AddTemplateFiles(folder, templates);
        return new CheckpointSettings(folder, config, named, templates);
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

    /// <summary>
    /// The added tokens of a checkpoint without tokenizer.json: those that tokenizer_config.json or added_tokens.json list, and those with
    /// a role
    /// or <paramref name="usual"/> ones, as far as the model knows them. <paramref name="normalizer"/> is the tokenizer's.
    /// </summary>
    public AddedTokens AddedTokens(TokenModel model, Normalizer? normalizer, string[] usual)
    {
        var tokens = new List<AddedToken>();
        var contents = new HashSet<string>();
        foreach (var (key, value) in _config?.Optional("added_tokens_decoder")?.Members() ?? [])
        {
            if (!int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out var id) || id >= Vocabulary.IdLimit)
                throw value.Wrong("a token whose key is its id");
            var token = AddedTokenReader.ReadOne(value, id, normalizer);
            if (token.Content.Length > 0 && contents.Add(token.Content)) tokens.Add(token);
        }
        foreach (var (content, value) in ReadObject(_folder, "added_tokens.json")?.Members() ?? [])
            Add(content, value.Integer(Vocabulary.IdLimit - 1), special: _named.ContainsValue(content));
        foreach (var content in _named.Values.Concat(usual))
            if (model.Vocabulary.TryFind(content, out var id)) Add(content, id, special: true);
        return new AddedTokens(tokens);

        void Add(string content, int id, bool special)
        {
            if (content.Length > 0 && contents.Add(content))
                tokens.Add(new AddedToken { Id = id, Content = content, Form = content, Special = special });
        }
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
        templates[name] = Encoding.UTF8.GetString(JsonSource.Read(path).Bytes.Span);
    }
}
