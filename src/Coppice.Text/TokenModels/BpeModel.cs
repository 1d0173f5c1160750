using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using Coppice.Text.Unicode;

namespace Coppice.Text.TokenModels;

/// <summary>
/// Byte-pair encoding (Sennrich et al. 2016) with the options of Hugging Face tokenizers: byte fallback, fused unknown tokens,
/// whole pieces looked up before merging, prefix and suffix of symbols.
/// </summary>
internal sealed class BpeModel : TokenModel
{
    private const int Missing = -1;

    private readonly BpeOptions _options;
    private readonly MergeTable _merges;
    private readonly int _unknown = Missing;
    private readonly int[] _fallback;
    private readonly int[]?[] _letters = new int[]?[0x110000 >> 8];
    private readonly Lazy<MergeBoundaries> _boundaries;
    private readonly PieceCache _parts = new();

    /// <summary>
    /// A model; the unknown token and the byte tokens are taken from the vocabulary, <paramref name="boundaries"/> are made when needed.
    /// </summary>
    public BpeModel(Vocabulary vocabulary, MergeTable merges, Func<MergeBoundaries> boundaries, BpeOptions options) : base(vocabulary)
    {
        _merges = merges;
        _boundaries = new Lazy<MergeBoundaries>(boundaries);
        _options = options;
        if (options.UnknownToken is { } unknown && vocabulary.TryFind(unknown, out var id)) _unknown = id;
        _fallback = options.ByteFallback ? ByteTokens(vocabulary) : [];
    }

    /// <inheritdoc/>
    public override void Tokenize(ReadOnlySpan<char> piece, List<int> ids, List<TokenSpan>? spans = null)
    {
        if (!_options.SpellsBytes)
        {
            TokenizeSpelled(piece, ids, spans);
            return;
        }
        var firstSpan = spans?.Count ?? 0;
        var most = piece.Length * 3;
        var buffer = ArrayPool<byte>.Shared.Rent(most);
        var count = Encoding.UTF8.GetBytes(piece, buffer);
        var letters = ArrayPool<char>.Shared.Rent(count);
        for (var i = 0; i < count; i++) letters[i] = ByteAlphabet.Letter(buffer[i]);
        TokenizeSpelled(letters.AsSpan(0, count), ids, spans);
        if (spans is not null) Alignment.OfBytes(piece).Apply(spans, firstSpan);
        ArrayPool<char>.Shared.Return(letters);
        ArrayPool<byte>.Shared.Return(buffer);
    }

    /// <summary>The ids of &lt;0x00&gt; to &lt;0xFF&gt;, -1 where the vocabulary lacks one.</summary>
    public static int[] ByteTokens(Vocabulary vocabulary)
    {
        var tokens = new int[256];
        for (var value = 0; value < 256; value++) tokens[value] = vocabulary.TryFind($"<0x{value:X2}>", out var id) ? id : Missing;
        return tokens;
    }

    private void TokenizeSpelled(ReadOnlySpan<char> piece, List<int> ids, List<TokenSpan>? spans)
    {
        if (_options.IgnoreMerges && Vocabulary.TryFind(piece, out var whole))
        {
            ids.Add(whole);
            spans?.Add(new TokenSpan(0, piece.Length));
            return;
        }
        if (piece.Length > PieceCache.LongestPiece && _options.ContinuingPrefix.Length + _options.EndSuffix.Length == 0)
            MergeParts(piece, ids, spans);
        else Merge(piece, 0, ids, spans);
    }

    // Cuts a long piece where no merge reaches across; letters that are not in the vocabulary stay with their neighbours.
    private void MergeParts(ReadOnlySpan<char> piece, List<int> ids, List<TokenSpan>? spans)
    {
        var boundaries = _boundaries.Value;
        var (start, before) = (0, Missing);
        for (int i = 0, length; i < piece.Length; i += length)
        {
            var letter = CodePoints.At(piece, i, out length);
            var known = Find(letter) != Missing;
            if (before != Missing && known && !boundaries.Joins(before, letter))
            {
                MergePart(piece[start..i], start, ids, spans);
                start = i;
            }
            before = known ? letter : Missing;
        }
        MergePart(piece[start..], start, ids, spans);
    }

    // The part begins at offset in the piece. The cache does not know spans.
    private void MergePart(ReadOnlySpan<char> part, int offset, List<int> ids, List<TokenSpan>? spans)
    {
        if (part.Length > PieceCache.LongestPiece || spans is not null)
        {
            Merge(part, offset, ids, spans);
            return;
        }
        if (_parts.TryFind(part, out var known))
        {
            ids.AddRange(known);
            return;
        }
        var start = ids.Count;
        Merge(part, offset, ids, spans);
        _parts.Keep(part, CollectionsMarshal.AsSpan(ids)[start..]);
    }

    private void Merge(ReadOnlySpan<char> piece, int offset, List<int> ids, List<TokenSpan>? spans)
    {
        // A symbol missing from the vocabulary may become a token for each byte of prefix, symbol and suffix.
        var most = piece.Length * (3 + 3 * _options.ContinuingPrefix.Length) + 3 * _options.EndSuffix.Length;
        var symbols = ArrayPool<int>.Shared.Rent(most);
        var row = new SymbolRow(symbols, spans is null ? default : new TokenSpan[most]);
        AddSymbols(piece, ref row);
        var count = BpeMerger.Merge(_merges, row.Ids, row.Spans);
        for (var i = 0; i < count; i++) ids.Add(symbols[i]);
        if (spans is not null)
            foreach (var span in row.Spans[..count]) spans.Add(span.Moved(offset));
        ArrayPool<int>.Shared.Return(symbols);
    }

    private void AddSymbols(ReadOnlySpan<char> piece, ref SymbolRow row)
    {
        // Unknown letters that no symbol stands for yet; there are none where the end is 0.
        var (unknownStart, unknownEnd) = (0, 0);
        for (int i = 0, length; i < piece.Length; i += length)
        {
            var letter = CodePoints.At(piece, i, out length);
            var prefix = i > 0 ? _options.ContinuingPrefix : "";
            var suffix = i + length == piece.Length ? _options.EndSuffix : "";
            var plain = prefix.Length + suffix.Length == 0;
            var id = plain ? Find(letter) : Find(prefix + char.ConvertFromUtf32(letter) + suffix);
            if (id != Missing)
            {
                if (unknownEnd > 0) row.AddLate(_unknown, unknownStart, unknownEnd);
                unknownEnd = 0;
                row.Add(id, i, i + length);
            }
            else if (!FallBack(letter, prefix, suffix, new TokenSpan(i, i + length), ref row) && _unknown != Missing)
            {
                // Bytes that fell back do not end a run of unknown symbols: the unknown token follows them, as in the original.
                var ends = unknownEnd > 0 && !_options.FuseUnknown;
                if (ends) row.AddLate(_unknown, unknownStart, unknownEnd);
                if (ends || unknownEnd == 0) unknownStart = i;
                unknownEnd = i + length;
            }
        }
        if (unknownEnd > 0) row.AddLate(_unknown, unknownStart, unknownEnd);
    }

    private bool FallBack(int letter, string prefix, string suffix, TokenSpan span, ref SymbolRow row)
    {
        if (_fallback.Length == 0) return false;
        var text = Encoding.UTF8.GetBytes(prefix + char.ConvertFromUtf32(letter) + suffix);
        foreach (var value in text)
            if (_fallback[value] == Missing) return false;
        foreach (var value in text) row.Add(_fallback[value], span.Start, span.End);
        return true;
    }

    private int Find(string symbol) => Vocabulary.TryFind(symbol, out var id) ? id : Missing;

    // Ids of single letters are remembered in pages of 256.
    private int Find(int letter) => (_letters[letter >> 8] ?? FindPage(letter >> 8))[letter & 0xFF];

    private int[] FindPage(int number)
    {
        var page = new int[256];
        Span<byte> bytes = stackalloc byte[4];
        for (var i = 0; i < page.Length; i++)
        {
            page[i] = Missing;
            if (Rune.TryCreate(number << 8 | i, out var rune) && Vocabulary.TryFind(bytes[..rune.EncodeToUtf8(bytes)], out var id))
                page[i] = id;
        }
        return _letters[number] = page;
    }
}
