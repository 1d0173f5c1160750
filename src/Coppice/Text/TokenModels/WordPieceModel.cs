using Coppice.Text.Unicode;

namespace Coppice.Text.TokenModels;

/// <summary>The longest token at each place, continuing ones with a prefix; a piece that cannot be covered is unknown as a whole (BERT).</summary>
internal sealed class WordPieceModel : TokenModel
{
    private readonly int? _unknown;
    private readonly string _prefix;
    private readonly int _mostCharacters;

    public WordPieceModel(Vocabulary vocabulary, string unknownToken, string prefix, int mostCharacters) : base(vocabulary)
    {
        _unknown = vocabulary.TryFind(unknownToken, out var id) ? id : null;
        _prefix = prefix;
        _mostCharacters = mostCharacters;
    }

    /// <inheritdoc/>
    public override void Tokenize(ReadOnlySpan<char> piece, List<int> ids)
    {
        var before = ids.Count;
        if (IsShort(piece) && TryCover(piece, ids)) return;
        ids.RemoveRange(before, ids.Count - before);
        if (_unknown is { } unknown) ids.Add(unknown);
    }

    private bool IsShort(ReadOnlySpan<char> piece)
    {
        var count = 0;
        for (int i = 0, length; i < piece.Length; i += length)
        {
            CodePoints.At(piece, i, out length);
            if (++count > _mostCharacters) return false;
        }
        return true;
    }

    private bool TryCover(ReadOnlySpan<char> piece, List<int> ids)
    {
        var candidate = new char[_prefix.Length + piece.Length];
        _prefix.CopyTo(candidate);
        for (int start = 0, end; start < piece.Length; start = end)
        {
            piece[start..].CopyTo(candidate.AsSpan(_prefix.Length));
            var offset = start == 0 ? _prefix.Length : 0;
            // No token is longer than this, so longer candidates need not be looked up.
            end = Math.Min(piece.Length, start + Vocabulary.LongestToken);
            while (end > start)
            {
                if (Vocabulary.TryFind(candidate.AsSpan(offset..(_prefix.Length + end - start)), out var id))
                {
                    ids.Add(id);
                    break;
                }
                CodePoints.Before(piece, end, out var length);
                end -= length;
            }
            if (end <= start) return false;
        }
        return true;
    }
}
