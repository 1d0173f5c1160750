using Coppice.Text.Decoders;

namespace Coppice.Text;

/// <summary>
/// Decodes one sequence token by token: the texts that <see cref="Append"/> and <see cref="Flush"/> return, joined, are what
/// <see cref="Tokenizer.Decode(ReadOnlySpan{int}, bool)"/> gives for all ids. Text is returned as soon as no later token can change it,
/// and never part of a character.
/// </summary>
/// <remarks>Not safe for concurrent use. The cost of a token does not grow with the tokens before it.</remarks>
public sealed class StreamingDecoder
{
    private readonly Tokenizer _tokenizer;
    private readonly bool _skipSpecialTokens;
    private readonly TextBuffer _text = new(64);
    private DecoderChain.Sequence _sequence;

    /// <summary>A decoder at the start of a sequence.</summary>
    /// <param name="tokenizer">The tokenizer whose ids will come.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public StreamingDecoder(Tokenizer tokenizer, bool skipSpecialTokens = false)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        _tokenizer = tokenizer;
        _skipSpecialTokens = skipSpecialTokens;
        _sequence = tokenizer.NewSequence(_text);
    }

    /// <summary>Takes the next id and returns the text that has become final, often empty.</summary>
    public string Append(int id)
    {
        if (_tokenizer.Decoded(id) is not { } token || (_skipSpecialTokens && token.IsSpecial)) return "";
        // As nearly always; nothing is allocated then.
        if (_sequence.Passes(token)) return token.Text;
        _sequence.Push(token);
        _sequence.Settle();
        if (!_text.Span.SequenceEqual(token.Text)) return Taken();
        _text.Clear();
        return token.Text;
    }

    /// <summary>Ends the sequence, returns what was held back, and stands ready for another sequence.</summary>
    public string Flush()
    {
        _sequence.End();
        _sequence = _tokenizer.NewSequence(_text);
        return Taken();
    }

    private string Taken()
    {
        if (_text.Span.IsEmpty) return "";
        var text = _text.ToString();
        _text.Clear();
        return text;
    }
}
