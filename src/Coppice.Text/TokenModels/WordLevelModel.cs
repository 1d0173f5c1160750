namespace Coppice.Text.TokenModels;

/// <summary>Each piece is one token, or the unknown token.</summary>
internal sealed class WordLevelModel : TokenModel
{
    private readonly int? _unknown;

    public WordLevelModel(Vocabulary vocabulary, string unknownToken) : base(vocabulary) =>
        _unknown = vocabulary.TryFind(unknownToken, out var id) ? id : null;

    /// <inheritdoc/>
    public override void Tokenize(ReadOnlySpan<char> piece, List<int> ids, List<TokenSpan>? spans = null)
    {
        if (Vocabulary.TryFind(piece, out var id)) ids.Add(id);
        else if (_unknown is { } unknown) ids.Add(unknown);
        else return;
        spans?.Add(new TokenSpan(0, piece.Length));
    }
}
