using Coppice.Text.TokenModels;

namespace Coppice.Text.Files;

/// <summary>Gives added tokens their ids, as <c>add_tokens</c> of Hugging Face tokenizers does.</summary>
/// <remarks>
/// A token that is known, as an added one or to the model, keeps its id; a new one takes the next after the model's and the added ones. A
/// token that is added again takes the new settings; once special it stays so.
/// </remarks>
internal sealed class AddedTokenList
{
    private readonly TokenModel _model;
    private readonly List<AddedToken> _tokens = [];
    private readonly Dictionary<string, int> _ids = [];
    private int _largest = -1;

    /// <summary>A list for <paramref name="model"/> that begins with <paramref name="tokens"/>, which have their ids.</summary>
    public AddedTokenList(TokenModel model, IEnumerable<AddedToken> tokens)
    {
        _model = model;
        foreach (var token in tokens) Append(token);
    }

    /// <summary>
    /// Adds <paramref name="token"/>, whose id counts for nothing, and returns the id that it gets; null for an empty token.
    /// </summary>
    public int? Add(AddedToken token)
    {
        if (token.Content.Length == 0) return null;
        if (!_ids.TryGetValue(token.Content, out var id) && !_model.Vocabulary.TryFind(token.Content, out id))
            id = Math.Max(_largest + 1, _model.Size);
        Append(token with { Id = id });
        return id;
    }

    /// <summary>Whether <paramref name="content"/> is among the added tokens.</summary>
    public bool Contains(string content) => _ids.ContainsKey(content);

    /// <summary>The tokens in the order in which they were added.</summary>
    public AddedTokens Complete() => new(_tokens);

    private void Append(AddedToken token)
    {
        _tokens.Add(token);
        _ids[token.Content] = token.Id;
        _largest = Math.Max(_largest, token.Id);
    }
}
