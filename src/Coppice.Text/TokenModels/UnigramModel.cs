using System.Buffers;
using System.Text;

namespace Coppice.Text.TokenModels;

/// <summary>
/// The most probable cut of a piece into tokens with log-probabilities (Kudo 2018), by dynamic programming over its bytes.
/// </summary>
internal sealed class UnigramModel : TokenModel
{
    // SentencePiece: an unknown character costs 10 more than the rarest token.
    private const double UnknownPenalty = 10;

    private readonly double[] _scores;
    private readonly TokenTrie _trie = new();
    private readonly double _unknownScore;
    private readonly int? _unknown;
    private readonly int[] _fallback;

    /// <summary>A model over tokens whose place in the list is their id, with <paramref name="scores"/> in the same order.</summary>
    public UnigramModel(Vocabulary vocabulary, double[] scores, int? unknown, bool byteFallback) : base(vocabulary)
    {
        _scores = scores;
        _unknown = unknown;
        _unknownScore = (scores.Length == 0 ? 0 : scores.Min()) - UnknownPenalty;
        _fallback = byteFallback ? BpeModel.ByteTokens(vocabulary) : [];
        _trie.AddAll(vocabulary);
    }

    /// <inheritdoc/>
    public override int Size => _scores.Length;

    /// <inheritdoc/>
    public override void Tokenize(ReadOnlySpan<char> piece, List<int> ids, List<TokenSpan>? spans = null)
    {
        var firstSpan = spans?.Count ?? 0;
        var bytes = ArrayPool<byte>.Shared.Rent(piece.Length * 3);
        var count = Encoding.UTF8.GetBytes(piece, bytes);
        var path = ArrayPool<Step>.Shared.Rent(count + 1);
        FindPath(bytes.AsSpan(0, count), path.AsSpan(0, count + 1));
        Follow(bytes.AsSpan(0, count), path.AsSpan(0, count + 1), ids, spans);
        if (spans is not null) Alignment.OfBytes(piece).Apply(spans, firstSpan);
        ArrayPool<Step>.Shared.Return(path);
        ArrayPool<byte>.Shared.Return(bytes);
    }

    private void FindPath(ReadOnlySpan<byte> text, Span<Step> path)
    {
        path.Fill(new Step(0, -1, -1));
        path[0] = new Step(0, 0, -1);
        for (int start = 0, length; start < text.Length; start += length)
        {
            length = LengthOfCharacter(text[start]);
            var here = path[start].Score;
            var covered = false;
            var node = TokenTrie.Root;
            for (var end = start; end < text.Length && (node = _trie.Child(node, text[end])) != 0;)
            {
                end++;
                var id = _trie.Value(node);
                if (id < 0) continue;
                Improve(ref path[end], here + _scores[id], start, id);
                covered |= end == start + length;
            }
            if (!covered) Improve(ref path[start + length], here + _unknownScore, start, _unknown ?? -1);
        }
    }

    private static void Improve(ref Step step, double score, int start, int id)
    {
        if (step.Start < 0 || score > step.Score) step = new Step(score, start, id);
    }

    // Neighbouring unknown characters count as one token. Spans count in bytes.
    private void Follow(ReadOnlySpan<byte> text, Span<Step> path, List<int> ids, List<TokenSpan>? spans)
    {
        var cuts = new List<(int Start, int End, int Id)>();
        for (var end = text.Length; end > 0; end = path[end].Start)
        {
            var (start, id) = (path[end].Start, path[end].Id);
            if (id == _unknown && cuts.Count > 0 && cuts[^1].Id == id) cuts[^1] = (start, cuts[^1].End, id);
            else cuts.Add((start, end, id));
        }
        for (var i = cuts.Count - 1; i >= 0; i--)
        {
            var span = new TokenSpan(cuts[i].Start, cuts[i].End);
            if (cuts[i].Id == (_unknown ?? -1))
            {
                AddUnknown(text, span, ids, spans);
                continue;
            }
            ids.Add(cuts[i].Id);
            spans?.Add(span);
        }
    }

    private void AddUnknown(ReadOnlySpan<byte> text, TokenSpan span, List<int> ids, List<TokenSpan>? spans)
    {
        var unknown = text[span.Start..span.End];
        if (!Vocabulary.TryFind(unknown, out var id))
        {
            if (_fallback.Length > 0 && HasAll(unknown))
            {
                AddBytes(unknown, span.Start, ids, spans);
                return;
            }
            if (_unknown is null) return;
            id = _unknown.Value;
        }
        // Fused characters may happen to be a token of their own.
        ids.Add(id);
        spans?.Add(span);
    }

    private void AddBytes(ReadOnlySpan<byte> text, int start, List<int> ids, List<TokenSpan>? spans)
    {
        for (var i = 0; i < text.Length; i++)
        {
            ids.Add(_fallback[text[i]]);
            spans?.Add(new TokenSpan(start + i, start + i + 1));
        }
    }

    private bool HasAll(ReadOnlySpan<byte> text)
    {
        foreach (var value in text)
            if (_fallback[value] < 0) return false;
        return true;
    }

    private static int LengthOfCharacter(byte first) => first switch { < 0x80 => 1, < 0xE0 => 2, < 0xF0 => 3, _ => 4 };

    /// <summary>The best way to a place in the text: its score, where its last token starts, and that token.</summary>
    private readonly record struct Step(double Score, int Start, int Id);
}
