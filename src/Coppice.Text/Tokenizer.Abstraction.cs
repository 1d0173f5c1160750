using System.Buffers;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace Coppice.Text;

// What makes this a Microsoft.ML.Tokenizers.Tokenizer. All of it is about the text alone: special tokens that frame a text are added by
// Encode only, since they stand nowhere in it.
public sealed partial class Tokenizer
{
    /// <summary>The text of <paramref name="ids"/> with special tokens; ids that no token has are left out.</summary>
    public override string Decode(IEnumerable<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        return Decode([.. ids], skipSpecialTokens: false);
    }

    /// <summary>Writes the text of <paramref name="ids"/>, or of as many of them as fit, to <paramref name="destination"/>.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="destination">Where the text goes; characters are never written in part.</param>
    /// <param name="idsConsumed">How many ids the written text stands for.</param>
    /// <param name="charsWritten">How many chars were written.</param>
    /// <returns><see cref="OperationStatus.Done"/>, or <see cref="OperationStatus.DestinationTooSmall"/> where ids are left.</returns>
    public override OperationStatus Decode(IEnumerable<int> ids, Span<char> destination, out int idsConsumed, out int charsWritten)
    {
        ArgumentNullException.ThrowIfNull(ids);
        int[] all = [.. ids];
        var text = Decode(all, skipSpecialTokens: false);
        idsConsumed = all.Length;
        var fits = text.Length <= destination.Length;
        if (!fits) text = LongestThatFits(all, text, destination.Length, out idsConsumed);
        text.CopyTo(destination);
        charsWritten = text.Length;
        return fits ? OperationStatus.Done : OperationStatus.DestinationTooSmall;
    }

    /// <inheritdoc/>
    protected override EncodeResults<EncodedToken> EncodeToTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        var located = Locate(text ?? textSpan.ToString(), settings);
        var count = located.CountThatFits(settings.MaxTokenCount);
        var tokens = new EncodedToken[count];
        for (var i = 0; i < count; i++)
        {
            var (start, end) = located.Spans[i];
            tokens[i] = new EncodedToken(located.Ids[i], TokenText(located.Ids[i]) ?? "", start..end);
        }
        return new EncodeResults<EncodedToken>
        {
            Tokens = tokens,
            NormalizedText = located.NormalizedText,
            CharsConsumed = located.EndOf(count),
        };
    }

    /// <inheritdoc/>
    protected override EncodeResults<int> EncodeToIds(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        text ??= textSpan.ToString();
        if (settings.MaxTokenCount < int.MaxValue)
        {
            var located = Locate(text, settings);
            var count = located.CountThatFits(settings.MaxTokenCount);
            return new EncodeResults<int>
            {
                Tokens = located.Ids[..count],
                NormalizedText = located.NormalizedText,
                CharsConsumed = located.EndOf(count),
            };
        }
        var normalized = new StringBuilder(text.Length);
        var ids = new List<int>(text.Length / 4 + 8);
        var work = Borrow();
        Tokenize(Pieces(text, settings, normalized, work), ids);
        GiveBack(work);
        return new EncodeResults<int>
        {
            Tokens = ids,
            NormalizedText = normalized.Equals(text) ? null : normalized.ToString(),
            CharsConsumed = normalized.Length,
        };
    }

    /// <inheritdoc/>
    protected override int CountTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        if (settings.MaxTokenCount < int.MaxValue) return EncodeToIds(text, textSpan, settings).Tokens.Count;
        text ??= textSpan.ToString();
        var work = Borrow();
        if (settings.ConsiderNormalization && settings.ConsiderPreTokenization) Tokenize(text, work.Ids, work);
        else Tokenize(Pieces(text, settings, normalized: null, work), work.Ids);
        var count = work.Ids.Count;
        GiveBack(work);
        return count;
    }

    /// <inheritdoc/>
    protected override int GetIndexByTokenCount(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings, bool fromEnd,
        out string? normalizedText, out int tokenCount)
    {
        var located = Locate(text ?? textSpan.ToString(), settings);
        normalizedText = located.NormalizedText;
        if (!fromEnd)
        {
            tokenCount = located.CountThatFits(settings.MaxTokenCount);
            return located.EndOf(tokenCount);
        }
        tokenCount = located.CountThatFitsAtTheEnd(settings.MaxTokenCount);
        return located.StartOf(located.Ids.Count - tokenCount);
    }

    private LocatedTokens Locate(string text, EncodeSettings settings)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(settings.MaxTokenCount);
        var normalized = new StringBuilder(text.Length);
        List<int> ids = [];
        List<TokenSpan> spans = [];
        var work = Borrow();
        foreach (var piece in Pieces(text, settings, normalized, work))
        {
            var first = spans.Count;
            if (piece.IsToken)
            {
                ids.Add(piece.Token);
                spans.Add(new TokenSpan(0, piece.Length));
            }
            else if (piece.Length > 0)
            {
                _model.Tokenize(piece.Span, ids, spans);
            }
            for (var i = first; i < spans.Count; i++) spans[i] = piece.Before(spans[i]);
        }
        GiveBack(work);
        return new LocatedTokens(ids, spans, normalized.Length, normalized.Equals(text) ? null : normalized.ToString());
    }

    // The stream says how many ids come near. Fewer count, until the text of all ids begins with theirs: what the last ones hold
    // may be the beginning of a character.
    private string LongestThatFits(ReadOnlySpan<int> ids, string text, int most, out int count)
    {
        var stream = new StreamingDecoder(this);
        var written = 0;
        for (count = 0; count < ids.Length; count++)
        {
            written += stream.Append(ids[count]).Length;
            if (written > most) break;
        }
        for (; count > 0; count--)
        {
            var part = Decode(ids[..count], skipSpecialTokens: false);
            if (part.Length <= most && text.StartsWith(part, StringComparison.Ordinal)) return part;
        }
        return "";
    }
}
