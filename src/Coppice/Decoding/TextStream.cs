using Coppice.Text;

namespace Coppice.Decoding;

/// <summary>From tokens to text as it becomes final: whole characters, up to a stop string.</summary>
internal sealed class TextStream(Tokenizer? tokenizer, GenerationOptions options)
{
    private readonly StreamingDecoder? _decoder = tokenizer is null ? null : new StreamingDecoder(tokenizer, skipSpecialTokens: !options.ShowSpecialTokens);
    private readonly StopStrings _stops = new(options.StopSequences);

    /// <summary>Whether a stop string was found.</summary>
    public bool StopFound => _stops.Found;

    /// <summary>The text that <paramref name="token"/> makes final; everything that was held back if it is the last one.</summary>
    public string Append(int token, bool last)
    {
        if (_decoder is null) return "";
        var text = _stops.Append(_decoder.Append(token));
        if (!last) return text;
        text += _stops.Append(_decoder.Flush());
        return _stops.Found ? text : text + _stops.Flush();
    }
}
