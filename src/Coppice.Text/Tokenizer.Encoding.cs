using System.Runtime.InteropServices;
using System.Text;
using Coppice.Text.PreTokenizers;
using Microsoft.ML.Tokenizers;
using PreTokenizer = Coppice.Text.PreTokenizers.PreTokenizer;

namespace Coppice.Text;

/// <content>From text to ids.</content>
public sealed partial class Tokenizer
{
    private readonly PieceCache _cache = new();
    private readonly TextCut? _textCut;
    private readonly string[]? _cores;          // of added tokens of the normalized text, where texts are cut
    private readonly PieceCache? _parts;        // where texts are cut
    private Workspace? _spare;

    /// <summary>The lists that one text needs, kept for the next: then nothing is allocated for a token.</summary>
    private sealed class Workspace
    {
        /// <summary>Room beyond this is given up after the text.</summary>
        public const int MostKept = 1 << 16;

        public List<Piece> Cut { get; } = [];
        public List<Piece> Pieces { get; } = [];
        public List<Piece> Words { get; } = [];
        public List<int> Ids { get; } = [];

        /// <summary>The pre-tokenizers; they take from <see cref="Pieces"/> and <see cref="Cut"/> in turn and give to the other.</summary>
        public PieceRun[] Runs { get; }

        public Workspace(PreTokenizer[] preTokenizers)
        {
            Runs = new PieceRun[preTokenizers.Length];
            for (var i = 0; i < Runs.Length; i++) Runs[i] = preTokenizers[i].NewRun(i % 2 == 0 ? Cut : Pieces);
        }

        public void Begin()
        {
            foreach (var run in Runs) run.Begin?.Invoke();
        }

        public void Clear()
        {
            Cut.Clear();
            Pieces.Clear();
            Words.Clear();
            Ids.Clear();
        }
    }

    // Who comes while another text is encoded gets lists of its own.
    private Workspace Borrow()
    {
        var work = Interlocked.Exchange(ref _spare, null) ?? new Workspace(_preTokenizers);
        work.Begin();
        return work;
    }

    private void GiveBack(Workspace work)
    {
        if (Math.Max(Math.Max(work.Cut.Capacity, work.Pieces.Capacity), work.Ids.Capacity) > Workspace.MostKept) return;
        work.Clear();
        _spare = work;
    }

    // Appends the ids of the text alone.
    private void Tokenize(string text, List<int> ids, Workspace work, char? mark = null)
    {
        if (_textCut is null || mark is not null)
        {
            Tokenize(Pieces(text, AllSteps, normalized: null, work, mark), ids);
            return;
        }
        _added.Exact.Cut(Piece.Whole(text, atStart: true), work.Words);
        foreach (var piece in work.Words)
        {
            if (piece.IsToken)
            {
                ids.Add(piece.Token);
                continue;
            }
            var start = ids.Count;
            if (TryAddParts(piece, ids, work)) continue;
            ids.RemoveRange(start, ids.Count - start);
            work.Cut.Clear();
            work.Pieces.Clear();
            _added.Normalized.Cut(Normalized(piece), work.Pieces);
            Tokenize(PreTokenized(work), ids);
        }
    }

    // False where an added token may stand in the normalized text: then that must be looked at as a whole.
    private bool TryAddParts(in Piece piece, List<int> ids, Workspace work)
    {
        var text = piece.Span;
        for (var at = 0; _textCut!.Next(text, ref at) is { IsEmpty: false } part;)
        {
            var isFirst = at == part.Length;
            var isKept = part.Length <= PieceCache.LongestPiece && !(isFirst && _textCut.FirstDiffers);
            if (isKept && _parts!.TryFind(part, out var known))
            {
                if (known is [Piece.NoToken]) return false;
                ids.AddRange(known);
                continue;
            }
            var start = ids.Count;
            if (!TryAddPart(part.ToString(), isFirst && piece.AtStart && _textCut.FirstDiffers, ids, work))
            {
                if (isKept) _parts!.Keep(part, [Piece.NoToken]);
                return false;
            }
            if (isKept) _parts!.Keep(part, CollectionsMarshal.AsSpan(ids)[start..]);
        }
        return true;
    }

    private bool TryAddPart(string part, bool atStart, List<int> ids, Workspace work)
    {
        var piece = Normalized(Piece.Whole(part, atStart));
        foreach (var core in _cores!)
            if (piece.Text.Contains(core, StringComparison.Ordinal)) return false;
        work.Cut.Clear();
        work.Pieces.Clear();
        _added.Normalized.Cut(piece, work.Pieces);
        Tokenize(PreTokenized(work), ids);
        return true;
    }

    // What normalizer and pre-tokenizers make of the text. Where a text is given for it, it takes the normalized text, and pieces know
    // where in that they come from.
    private List<Piece> Pieces(string text, EncodeSettings settings, StringBuilder? normalized, Workspace work, char? mark = null)
    {
        var (cut, pieces) = (work.Cut, work.Pieces);
        _added.Exact.Cut(Piece.Whole(text, atStart: true), cut);
        foreach (var piece in cut)
        {
            if (piece.IsToken) pieces.Add(piece);
            else _added.Normalized.Cut(settings.ConsiderNormalization ? Normalized(piece) : piece, pieces);
        }
        if (mark is { } inserted) TakeOut(pieces, inserted);
        if (normalized is not null) Trace(pieces, normalized);
        if (!settings.ConsiderPreTokenization) return pieces;
        return PreTokenized(work);
    }

    private static List<Piece> PreTokenized(Workspace work)
    {
        var (pieces, cut) = (work.Pieces, work.Cut);
        foreach (ref readonly var run in work.Runs.AsSpan())
        {
            cut.Clear();
            run.Apply(pieces);
            (pieces, cut) = (cut, pieces);
        }
        return pieces;
    }

    private static void TakeOut(List<Piece> pieces, char mark)
    {
        foreach (ref var piece in CollectionsMarshal.AsSpan(pieces))
        {
            if (piece.IsToken || !piece.Span.Contains(mark)) continue;
            piece = Piece.Whole(piece.Span.ToString().Replace(mark.ToString(), "", StringComparison.Ordinal), piece.AtStart);
        }
    }

    private static void Trace(List<Piece> pieces, StringBuilder normalized)
    {
        foreach (ref var piece in CollectionsMarshal.AsSpan(pieces))
        {
            piece = piece with { Origin = new PieceOrigin(normalized.Length - piece.Start) };
            normalized.Append(piece.Span);
        }
    }

    private Piece Normalized(in Piece piece)
    {
        if (_normalizer is null) return piece;
        var atStart = piece.AtStart;
        var text = _normalizer.Normalize(piece.Length == piece.Text.Length ? piece.Text : piece.Span.ToString(), ref atStart);
        return Piece.Whole(text, atStart);
    }

    private void Tokenize(List<Piece> pieces, List<int> ids)
    {
        foreach (var piece in CollectionsMarshal.AsSpan(pieces))
        {
            if (piece.IsToken) ids.Add(piece.Token);
            else if (piece.Length > 0) Tokenize(piece.Span, ids);
        }
    }

    private void Tokenize(ReadOnlySpan<char> piece, List<int> ids)
    {
        if (piece.Length > PieceCache.LongestPiece)
        {
            _model.Tokenize(piece, ids);
            return;
        }
        if (_cache.TryFind(piece, out var known))
        {
            ids.AddRange(known);
            return;
        }
        var start = ids.Count;
        _model.Tokenize(piece, ids);
        _cache.Keep(piece, CollectionsMarshal.AsSpan(ids)[start..]);
    }
}
