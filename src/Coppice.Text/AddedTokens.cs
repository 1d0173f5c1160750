namespace Coppice.Text;

/// <summary>The added tokens of a tokenizer, by id, by content and as finders over text.</summary>
internal sealed class AddedTokens
{
    private readonly Dictionary<int, AddedToken> _byId = [];
    private readonly Dictionary<string, int> _ids = [];
    private readonly HashSet<string> _special = [];

    /// <summary>The tokens in file order; a later one with the same id or content replaces an earlier one.</summary>
    public AddedTokens(IEnumerable<AddedToken> tokens)
    {
        All = [.. tokens];
        foreach (var token in All)
        {
            _byId[token.Id] = token;
            _ids[token.Content] = token.Id;
            if (token.Special) _special.Add(token.Content);
            IdCount = Math.Max(IdCount, token.Id + 1);
        }
        Exact = new AddedTokenFinder(_byId.Values.Where(token => !token.Normalized));
        Normalized = new AddedTokenFinder(_byId.Values.Where(token => token.Normalized));
    }

    /// <summary>All tokens, replaced ones too, in file order.</summary>
    public IReadOnlyList<AddedToken> All { get; }

    /// <summary>One more than the largest id.</summary>
    public int IdCount { get; }

    /// <summary>Finds those that are looked for in the text as given.</summary>
    public AddedTokenFinder Exact { get; }

    /// <summary>Finds those that are looked for in the normalized text.</summary>
    public AddedTokenFinder Normalized { get; }

    public AddedToken? Find(int id) => _byId.GetValueOrDefault(id);

    public int? IdOf(string content) => _ids.TryGetValue(content, out var id) ? id : null;

    /// <summary>Whether a decoded token is the text of a special token.</summary>
    public bool IsSpecialText(string token) => _special.Contains(token);
}
