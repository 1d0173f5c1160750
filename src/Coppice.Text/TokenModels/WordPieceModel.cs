using System.Buffers;
using System.Text;

namespace Coppice.Text.TokenModels;

/// <summary>
/// The longest token at each place, continuing ones with a prefix; a piece that cannot be covered is unknown as a whole (BERT).
/// </summary>
internal sealed class WordPieceModel : TokenModel
{
    private readonly TokenTrie _trie = new();
    private readonly int? _unknown;
    private readonly int _continuing;
    private readonly int _mostCharacters;

    public WordPieceModel(Vocabulary vocabulary, string unknownToken, string prefix, int mostCharacters) : base(vocabulary)
    {
        _unknown = vocabulary.TryFind(unknownToken, out var id) ? id : null;
        _mostCharacters = mostCharacters;
        _trie.AddAll(vocabulary);
        // Where tokens that continue a word branch off; no such token leaves nowhere to go.
        _continuing = TokenTrie.Root;
        foreach (var part in Encoding.UTF8.GetBytes(prefix)) _continuing = _trie.Child(_continuing, part);
    }

    /// <inheritdoc/>
    public override void Tokenize(ReadOnlySpan<char> piece, List<int> ids, List<TokenSpan>? spans = null)
    {
        var before = ids.Count;
        var firstSpan = spans?.Count ?? 0;
        var bytes = ArrayPool<byte>.Shared.Rent(piece.Length * 3);
        var text = bytes.AsSpan(0, Encoding.UTF8.GetBytes(piece, bytes));
        if (IsShort(text) && TryCover(text, ids, spans))
        {
            if (spans is not null) Alignment.OfBytes(piece).Apply(spans, firstSpan);
        }
        else
        {
            ids.RemoveRange(before, ids.Count - before);
            spans?.RemoveRange(firstSpan, spans.Count - firstSpan);
            if (_unknown is { } unknown)
            {
                ids.Add(unknown);
                spans?.Add(new TokenSpan(0, piece.Length));
            }
        }
        ArrayPool<byte>.Shared.Return(bytes);
    }

    // Characters are counted by their first bytes.
    private bool IsShort(ReadOnlySpan<byte> text)
    {
        if (text.Length <= _mostCharacters) return true;
        var count = 0;
        foreach (var part in text)
            if ((part & 0xC0) != 0x80) count++;
        return count <= _mostCharacters;
    }

    // Spans count in bytes.
    private bool TryCover(ReadOnlySpan<byte> text, List<int> ids, List<TokenSpan>? spans)
    {
        for (var start = 0; start < text.Length;)
        {
            var node = start == 0 ? TokenTrie.Root : _continuing;
            var (end, longest) = (start, -1);
            for (var i = start; i < text.Length && node != 0; i++)
            {
                node = _trie.Child(node, text[i]);
                if (node == 0 || _trie.Value(node) < 0) continue;
                (end, longest) = (i + 1, _trie.Value(node));
            }
            if (longest < 0) return false;
            ids.Add(longest);
            spans?.Add(new TokenSpan(start, end));
            start = end;
        }
        return true;
    }
}
