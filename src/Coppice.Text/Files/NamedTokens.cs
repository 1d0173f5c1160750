using Coppice.Text.Normalizers;

namespace Coppice.Text.Files;

/// <summary>A special token that a file names: its text, and its settings where they are written out.</summary>
/// <param name="Content">The token.</param>
/// <param name="Settings">An object with "content", "lstrip" and so on; null where the file has a string.</param>
internal sealed record NamedToken(string Content, JsonField? Settings)
{
    /// <summary>The token as it is looked for in texts: special whatever its settings say.</summary>
    public AddedToken Special(Normalizer? normalizer) => Settings is { } settings
        ? AddedTokenReader.ReadLoose(settings, 0, normalizer) with { Special = true }
        : new AddedToken { Id = 0, Content = Content, Form = Content, Special = true };
}

/// <summary>The special tokens that tokenizer_config.json and special_tokens_map.json name: those with a role, and further ones.</summary>
/// <remarks>
/// Precedence as in AutoTokenizer of transformers: a config that lists all added tokens with their ids (added_tokens_decoder) is newer than
/// the map and is believed alone; beside an older one the map counts. Of a role that neither names, the class's own default is taken if the
/// vocabulary has the token (<see cref="UsualTokens"/>).
/// </remarks>
internal sealed class NamedTokens
{
    private const string RoleEnding = "_token";

    /// <summary>Keys of further special tokens; the second is the name since transformers 5.</summary>
    private static readonly string[] FurtherKeys = ["additional_special_tokens", "extra_special_tokens"];

    private readonly List<string> _order = [];
    private readonly Dictionary<string, NamedToken?> _roles = [];
    private readonly List<NamedToken> _further = [];

    /// <summary>Reads the two files, as far as they exist.</summary>
    public NamedTokens(JsonField? config, JsonField? map)
    {
        var listed = config?.Optional("added_tokens_decoder") is not null;
        if (config is { } settings) AddAll(settings, replace: true);
        if (map is { } older) AddAll(older, replace: !listed);
    }

    /// <summary>Tokens with a role such as "bos_token", in the order of the files.</summary>
    public IEnumerable<(string Role, NamedToken Token)> Roles =>
        _order.Where(role => _roles[role] is not null).Select(role => (role, _roles[role]!));

    /// <summary>Special tokens without a role.</summary>
    public IReadOnlyList<NamedToken> Further => _further;

    /// <summary>Whether a file says something about <paramref name="role"/>, be it that there is no such token.</summary>
    public bool Mentions(string role) => _roles.ContainsKey(role);

    /// <summary>The token of a role, or null.</summary>
    public string? Find(string role) => _roles.GetValueOrDefault(role)?.Content;

    /// <summary>Whether <paramref name="content"/> is a special token by one of the files.</summary>
    public bool IsSpecial(string content) =>
        _further.Any(token => token.Content == content) || _roles.Values.Any(token => token?.Content == content);

    private void AddAll(JsonField file, bool replace)
    {
        foreach (var (key, value) in file.Members())
        {
            if (FurtherKeys.Contains(key)) AddFurther(value, replace);
            else if (key.EndsWith(RoleEnding, StringComparison.Ordinal) && (value.IsNull || Token(value) is not null))
                Add(key, value.IsNull ? null : Token(value), replace);
        }
    }

    private void Add(string role, NamedToken? token, bool replace)
    {
        if (!_roles.ContainsKey(role)) _order.Add(role);
        else if (!replace) return;
        _roles[role] = token;
    }

    /// <summary>A list of tokens, or an object of tokens by the names of their roles.</summary>
    private void AddFurther(JsonField value, bool replace)
    {
        if (value.IsObject)
        {
            foreach (var (role, named) in value.Members())
                if (Token(named) is { } token) Add(role, token, replace);
            return;
        }
        if (!value.IsArray || (!replace && _further.Count > 0)) return;
        foreach (var item in value.Items())
        {
            if (Token(item) is { } token && _further.All(known => known.Content != token.Content)) _further.Add(token);
        }
    }

    /// <summary>A token as a string or written out as an object; null for anything else.</summary>
    private static NamedToken? Token(JsonField value)
    {
        if (value.IsString) return new NamedToken(value.Text, null);
        return value.IsObject && value.Optional("content") is { IsString: true } content ? new NamedToken(content.Text, value) : null;
    }
}
