using System.Globalization;
using Coppice.Text.Normalizers;
using Coppice.Text.Processors;
using Coppice.Text.TokenModels;

namespace Coppice.Text.Files;

/// <summary>What the files beside the tokenizer say: which tokens have which role, what frames a text, and the chat templates.</summary>
internal sealed class CheckpointSettings
{
    private readonly NamedTokens _named;
    private readonly Dictionary<string, string> _templates;
    private readonly List<string> _warnings = [];
    private readonly JsonField? _config;
    private readonly string _folder;

    private CheckpointSettings(string folder, JsonField? config, NamedTokens named, ChatTemplateFiles templates)
    {
        _folder = folder;
        _config = config;
        _named = named;
        _templates = templates.ByName;
        _warnings.AddRange(templates.Warnings);
    }

    /// <summary>What is odd in the files and was read otherwise or left out, a sentence each.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

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
    public string? Named(string role) => _named.Find(role);

    /// <summary>Tokens that a text may have, as model_max_length says; null where it says none, or a number for "any".</summary>
    public int? MaxLength => _config?.Optional("model_max_length")?.Count;

    /// <summary>Whether decoded texts get spaces before punctuation removed by whoever shows them.</summary>
    public bool CleansUpSpaces => FlagOr("clean_up_tokenization_spaces", false);

    /// <summary>The chat templates by name; the one for ordinary use is called "default".</summary>
    public IReadOnlyDictionary<string, string> ChatTemplates => _templates;

    /// <summary>
    /// Reads tokenizer_config.json, special_tokens_map.json, chat_template.json and chat_template.jinja as far as they exist.
    /// </summary>
    public static CheckpointSettings Read(string folder)
    {
        var config = ReadObject(folder, "tokenizer_config.json");
        var named = new NamedTokens(config, ReadObject(folder, "special_tokens_map.json"));
        var templates = ChatTemplateFiles.Read(folder, config, ReadObject(folder, "chat_template.json"));
        return new CheckpointSettings(folder, config, named, templates);
    }

    /// <summary>The tokens with a role; <paramref name="idOf"/> finds their ids.</summary>
    public SpecialTokens SpecialTokens(Func<string, int?> idOf)
    {
        var named = _named.Roles.ToDictionary(entry => entry.Role, entry => entry.Token.Content);
        foreach (var role in (string[])["bos_token", "eos_token", "unk_token"])
        {
            if (!_named.Mentions(role) && UsualTokens.Of(TokenizerClass, role) is { } usual && idOf(usual) is not null) named[role] = usual;
        }
        int? Id(string role) => named.TryGetValue(role, out var token) ? idOf(token) : null;
        return new SpecialTokens
        {
            Beginning = named.GetValueOrDefault("bos_token"),
            End = named.GetValueOrDefault("eos_token"),
            Padding = named.GetValueOrDefault("pad_token"),
            Unknown = named.GetValueOrDefault("unk_token"),
            BeginningId = Id("bos_token"),
            EndId = Id("eos_token"),
            PaddingId = Id("pad_token"),
            UnknownId = Id("unk_token"),
            Named = named,
        };
    }

    /// <summary>
    /// The parts that tokenizer.json describes, with what the other files add: tokens that only they list or name, and the frame of a text
    /// where they say whether there is one.
    /// </summary>
    public TokenizerParts Complete(TokenizerParts parts)
    {
        var tokens = new AddedTokenList(parts.Model, parts.Added.All);
        foreach (var (stated, token) in Listed(parts.Normalizer))
        {
            if (tokens.Add(token) is { } id && id != stated)
                _warnings.Add($"tokenizer files: {JsonField.Quote(token.Content)} must have the id {id} that it gets, found {stated}.");
        }
        foreach (var (_, token) in _named.Roles)
            if (!tokens.Contains(token.Content)) tokens.Add(token.Special(parts.Normalizer));
        foreach (var token in _named.Further)
            if (!tokens.Contains(token.Content)) tokens.Add(token.Special(parts.Normalizer));
        var complete = parts with { Added = tokens.Complete() };
        return Frame(complete) is { } frame ? complete with { PostProcessor = new PostProcessor([frame]) } : complete;
    }

    /// <summary>
    /// The frame of a text by add_bos_token and add_eos_token; null where neither is given and tokenizer.json alone counts.
    /// </summary>
    private Template? Frame(TokenizerParts parts)
    {
        if (AddsBeginning is null && AddsEnd is null) return null;
        var special = SpecialTokens(parts.IdOf);
        var frame = new List<int[]?> { null };
        if ((AddsBeginning ?? UsualTokens.BeginsTexts(TokenizerClass)) && special.BeginningId is { } first) frame.Insert(0, [first]);
        if (AddsEnd == true && special.EndId is { } last) frame.Add([last]);
        return new Template([.. frame]);
    }

    /// <summary>
    /// The added tokens of tokenizer_config.json with the ids that it states, ascending; where it has no list, those of added_tokens.json.
    /// </summary>
    private IEnumerable<(int Stated, AddedToken Token)> Listed(Normalizer? normalizer)
    {
        if (_config?.Optional("added_tokens_decoder") is { } decoder) return Decoder(decoder, normalizer).OrderBy(token => token.Stated);
        return (ReadObject(_folder, "added_tokens.json")?.Members() ?? []).Select(member =>
        {
            var special = _named.IsSpecial(member.Key);
            var form = special || normalizer is null ? member.Key : normalizer.Normalize(member.Key);
            var id = member.Value.Integer(Vocabulary.IdLimit - 1);
            return (id, new AddedToken { Id = id, Content = member.Key, Form = form, Normalized = !special, Special = special });
        }).OrderBy(token => token.id);
    }

    private static IEnumerable<(int Stated, AddedToken Token)> Decoder(JsonField decoder, Normalizer? normalizer)
    {
        foreach (var (key, value) in decoder.Members())
        {
            if (!int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out var id) || id >= Vocabulary.IdLimit)
                throw value.Wrong("a token whose key is its id");
            yield return (id, AddedTokenReader.ReadLoose(value, id, normalizer));
        }
    }

    /// <summary>
    /// The added tokens of a checkpoint without tokenizer.json: those that tokenizer_config.json or added_tokens.json list, and those with
    /// a role or <paramref name="usual"/> ones, as far as the model knows them. <paramref name="normalizer"/> is the tokenizer's.
    /// </summary>
    public AddedTokens AddedTokens(TokenModel model, Normalizer? normalizer, string[] usual)
    {
        var tokens = new List<AddedToken>();
        var contents = new HashSet<string>();
        foreach (var (_, token) in Listed(normalizer))
        {
            if (token.Content.Length > 0 && contents.Add(token.Content)) tokens.Add(token);
        }
        var named = _named.Roles.Select(entry => entry.Token.Content).Concat(_named.Further.Select(token => token.Content));
        foreach (var content in named.Concat(usual))
        {
            if (content.Length > 0 && model.Vocabulary.TryFind(content, out var id) && contents.Add(content))
                tokens.Add(new AddedToken { Id = id, Content = content, Form = content, Special = true });
        }
        return new AddedTokens(tokens);
    }

    private static JsonField? ReadObject(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        if (!File.Exists(path)) return null;
        var field = JsonSource.ReadPython(path).Field(Range.All, "");
        return field.IsObject ? field : throw field.Wrong("an object");
    }
}
