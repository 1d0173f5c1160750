using System.Text;

namespace Coppice.Text;

/// <summary>Takes an answer apart as it is generated: reasoning, text and calls of functions.</summary>
/// <remarks>
/// What comes out does not depend on how the answer is cut into pieces. Text is held back only while it may be the beginning of a mark.
/// Calls come at the end, when they are whole. Not safe for concurrent use.
/// </remarks>
public sealed class AnswerReader
{
    private readonly ReasoningFormat? _reasoning;
    private readonly ToolCallFormat? _tools;
    private readonly IReadOnlyCollection<string>? _names;
    private readonly bool _isInChannels;
    private readonly HashSet<string> _dropped = [];
    private readonly StringBuilder _all = new();        // of an answer in channels
    private string _open = "";                          // not yet certain
    private Place _place;
    private int _textDone, _reasoningDone;

    /// <summary>A reader before the first piece.</summary>
    /// <param name="reasoning">How reasoning is set apart; null where it is not.</param>
    /// <param name="tools">How calls are written; null where there are none.</param>
    /// <param name="beginsInReasoning">Whether the prompt has opened the reasoning already.</param>
    /// <param name="names">The functions there are; null for any.</param>
    public AnswerReader(
        ReasoningFormat? reasoning, ToolCallFormat? tools, bool beginsInReasoning = false, IReadOnlyCollection<string>? names = null)
    {
        (_reasoning, _tools, _names) = (reasoning, tools, names);
        _isInChannels = tools?.Syntax.Body == CallBody.Channels
            || reasoning?.Open.StartsWith("<|channel|>", StringComparison.Ordinal) == true;
        _place = beginsInReasoning ? Place.Reasoning : Place.Start;
    }

    private enum Place
    {
        /// <summary>Nothing but white space has come.</summary>
        Start,

        /// <summary>Within the reasoning.</summary>
        Reasoning,

        /// <summary>After the reasoning, where nothing but white space has come.</summary>
        AfterReasoning,

        /// <summary>Within the text.</summary>
        Text,

        /// <summary>After the beginning of a call.</summary>
        Calls,
    }

    /// <summary>From now on <paramref name="special"/>, a special token that was generated, is left out of the text.</summary>
    public void Drop(string special)
    {
        ArgumentException.ThrowIfNullOrEmpty(special);
        var isMark = _reasoning?.Marks.Contains(special) == true || _tools?.Marks.Contains(special) == true || _isInChannels;
        if (!isMark) _dropped.Add(special);
    }

    /// <summary>Takes the next piece.</summary>
    /// <returns>What has become certain with it.</returns>
    public IReadOnlyList<AnswerPart> Append(string piece)
    {
        ArgumentNullException.ThrowIfNull(piece);
        if (piece.Length == 0) return [];
        if (_isInChannels)
        {
            _all.Append(piece);
            return ReadChannels(isOver: false);
        }
        _open += piece;
        return Read(isOver: false);
    }

    /// <summary>The answer is over.</summary>
    /// <returns>What was held back.</returns>
    public IReadOnlyList<AnswerPart> End() => _isInChannels ? ReadChannels(isOver: true) : Read(isOver: true);

    private List<AnswerPart> Read(bool isOver)
    {
        var parts = new List<AnswerPart>();
        foreach (var special in _dropped)
        {
            if (_place != Place.Calls) _open = _open.Replace(special, "", StringComparison.Ordinal);
            else if (isOver && _open.EndsWith(special, StringComparison.Ordinal)) _open = _open[..^special.Length];
        }
        while (Step(parts, isOver)) { }
        return parts;
    }

    /// <summary>Goes on by one mark or to the end of what is certain; false where nothing more is.</summary>
    private bool Step(List<AnswerPart> parts, bool isOver) => _place switch
    {
        Place.Start => Start(parts, isOver),
        Place.Reasoning => Reason(parts, isOver),
        Place.AfterReasoning => SkipSpace(isOver),
        Place.Text => Write(parts, isOver),
        _ => Call(parts, isOver),
    };

    private bool Start(List<AnswerPart> parts, bool isOver)
    {
        var begin = _open.AsSpan().TrimStart();
        if (_reasoning is { } format)
        {
            if (begin.StartsWith(format.Open, StringComparison.Ordinal))
            {
                _open = begin[format.Open.Length..].ToString();
                _place = Place.Reasoning;
                return true;
            }
            if (!isOver && format.Open.AsSpan().StartsWith(begin, StringComparison.Ordinal)) return false;
        }
        return OpensCall(begin, isOver) is { } opens ? Enter(opens) : false;
    }

    /// <summary>Whether a call begins that nothing announces; null where that is not certain yet.</summary>
    private bool? OpensCall(ReadOnlySpan<char> begin, bool isOver)
    {
        if (begin.Length == 0) return isOver ? false : null;
        return _tools?.Syntax.OpensAtStart == true && _names is not { Count: 0 } && begin[0] is '{' or '[';
    }

    private bool Enter(bool opensCall)
    {
        _place = opensCall ? Place.Calls : Place.Text;
        return true;
    }

    private bool Reason(List<AnswerPart> parts, bool isOver)
    {
        var close = _open.IndexOf(_reasoning!.Close, StringComparison.Ordinal);
        var certain = close >= 0 ? close : isOver ? _open.Length : _open.Length - Held(_open, [_reasoning.Close]);
        var thought = _open[..certain];
        if (_reasoningDone == 0) thought = thought.TrimStart();
        // White space is certain only when something follows it: the end of the reasoning has none.
        var kept = thought.TrimEnd().Length;
        var text = thought[..kept];
        if (text.Length > 0) parts.Add(new AnswerPart(Reasoning: text));
        _reasoningDone += text.Length;
        if (close >= 0)
        {
            _open = _open[(close + _reasoning.Close.Length)..];
            _place = Place.AfterReasoning;
            return true;
        }
        _open = isOver ? "" : thought[kept..] + _open[certain..];
        return false;
    }

    private bool SkipSpace(bool isOver)
    {
        _open = _open.TrimStart();
        return OpensCall(_open, isOver) is { } opens ? Enter(opens) : false;
    }

    private bool Write(List<AnswerPart> parts, bool isOver)
    {
        var openers = _tools is null || _names is { Count: 0 } ? [] : _tools.Syntax.Openers;
        var call = -1;
        foreach (var opener in openers)
        {
            var at = _open.IndexOf(opener, StringComparison.Ordinal);
            if (at >= 0 && (call < 0 || at < call)) call = at;
        }
        if (call >= 0)
        {
            var before = _open[..call].TrimEnd();
            if (before.Length > 0) parts.Add(new AnswerPart(before));
            _open = _open[call..];
            _place = Place.Calls;
            return true;
        }
        var certain = isOver ? _open.Length : _open.Length - Held(_open, [.. openers, .. _dropped]);
        // White space before a call is not text.
        if (!isOver && openers.Count > 0) certain = _open.AsSpan(0, certain).TrimEnd().Length;
        if (certain > 0) parts.Add(new AnswerPart(_open[..certain]));
        _open = _open[certain..];
        return false;
    }

    private bool Call(List<AnswerPart> parts, bool isOver)
    {
        if (!isOver) return false;
        var calls = _tools!.Parse(_open, out var text, _names);
        if (text.Length > 0) parts.Add(new AnswerPart(text));
        foreach (var call in calls) parts.Add(new AnswerPart(Call: call));
        _open = "";
        return false;
    }

    private List<AnswerPart> ReadChannels(bool isOver)
    {
        var parts = new List<AnswerPart>();
        var answer = _all.ToString();
        if (!isOver) answer = answer[..^Held(answer, ["<|end|>", "<|call|>", "<|return|>", "<|start|>", "<|channel|>", "<|message|>"])];
        foreach (var special in _dropped) answer = answer.Replace(special, "", StringComparison.Ordinal);
        if (!isOver && !answer.Contains("<|message|>", StringComparison.Ordinal)) return parts;
        var (text, reasoning) = (new StringBuilder(), new StringBuilder());
        foreach (var message in ChannelMessage.Read(answer))
        {
            if (message.Function is not null) continue;
            (message.IsReasoning ? reasoning : text).Append(message.Content);
        }
        if (reasoning.Length > _reasoningDone)
            parts.Add(new AnswerPart(Reasoning: reasoning.ToString(_reasoningDone, reasoning.Length - _reasoningDone)));
        if (text.Length > _textDone) parts.Add(new AnswerPart(text.ToString(_textDone, text.Length - _textDone)));
        (_reasoningDone, _textDone) = (reasoning.Length, text.Length);
        if (isOver && _tools is not null)
            foreach (var call in _tools.Parse(answer, out _, _names)) parts.Add(new AnswerPart(Call: call));
        return parts;
    }

    /// <summary>Characters at the end that may be the beginning of one of <paramref name="marks"/>.</summary>
    private static int Held(string text, IReadOnlyCollection<string> marks)
    {
        var held = 0;
        foreach (var mark in marks)
        {
            for (var length = Math.Min(mark.Length - 1, text.Length); length > held; length--)
            {
                if (!mark.AsSpan().StartsWith(text.AsSpan(text.Length - length), StringComparison.Ordinal)) continue;
                held = length;
                break;
            }
        }
        return held;
    }
}
