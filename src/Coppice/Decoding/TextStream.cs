using Coppice.Text;

namespace Coppice.Decoding;

/// <summary>From tokens to text as it becomes final: whole characters, up to a stop string.</summary>
internal sealed class TextStream(Tokenizer? tokenizer, GenerationOptions options)
{
    private readonly StreamingDecoder? _decoder = tokenizer is null
        ? null
        : new StreamingDecoder(tokenizer, skipSpecialTokens: !options.ShowSpecialTokens);
    private readonly StopStrings _stops = new(options.StopSequences);
    private readonly Dictionary<int, string> _special = SpecialStops.Find(options.StopSequences, tokenizer);
    private int _tokens;

    /// <summary>The stop string that was found, or that is the special token that came last; null as long as there is none.</summary>
    public string? Stop { get; private set; }
    /// <summary>The special token that <see cref="Stop"/> is, if that token ended the text.</summary>
    public int? StopId { get; private set; }
    /// <summary>Whether a stop string was found.</summary>
    public bool StopFound => Stop is not null;

    /// <summary>A stream of the same options that has taken <paramref name="tokens"/>, whose text has been given before.</summary>
    public TextStream Again(ReadOnlySpan<int> tokens)
    {
        var stream = new TextStream(tokenizer, options);
        foreach (var token in tokens) stream.Append(token, last: false);
        return stream;
    }

    /// <summary>The text that <paramref name="token"/> makes final; everything that was held back if it is the last one.</summary>
    public string Append(int token, bool last)
    {
        if (_decoder is null) return "";
        var counts = ++_tokens > options.MinTokens;
        var text = _stops.Append(_decoder.Append(token), counts);
        if (_stops.Found is null && _special.TryGetValue(token, out var special))
        {
            Stop = special;
            StopId = token;
            last = true;
        }
        if (last) text += _stops.Append(_decoder.Flush(), counts);
        if (_stops.Found is null) return last ? text + _stops.Flush() : text;
        Stop = _stops.Found;
        if (_special.ContainsKey(token)) StopId = token;
        return text;
    }
}
