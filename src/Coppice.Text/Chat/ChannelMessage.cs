namespace Coppice.Text;

/// <summary>One message of an answer in channels: <c>&lt;|channel|&gt;NAME to=WHOM ...&lt;|message|&gt;CONTENT&lt;|end|&gt;</c>.</summary>
internal sealed record ChannelMessage(string Header, string Content)
{
    private const string To = "to=functions.", Start = "<|start|>", Message = "<|message|>", Channel = "<|channel|>";
    private static readonly string[] Ends = ["<|end|>", "<|call|>", "<|return|>", Start];

    /// <summary>The function that is called with the content; null where none is.</summary>
    public string? Function
    {
        get
        {
            var at = Header.IndexOf(To, StringComparison.Ordinal);
            if (at < 0) return null;
            var name = Header.AsSpan(at + To.Length);
            var end = name.IndexOfAny(' ', '<', '\n');
            return (end < 0 ? name : name[..end]).ToString();
        }
    }

    /// <summary>Whether it is what the model thinks, and not for the reader.</summary>
    public bool IsReasoning => Header.Contains(Channel + "analysis", StringComparison.Ordinal);

    /// <summary>The messages of an answer; the last may be cut off.</summary>
    public static IEnumerable<ChannelMessage> Read(string answer)
    {
        var at = 0;
        while (at < answer.Length)
        {
            var message = answer.IndexOf(Message, at, StringComparison.Ordinal);
            if (message < 0)
            {
                // Without a header at all it is an answer as other models write it.
                if (at == 0 && !answer.Contains(Channel, StringComparison.Ordinal)) yield return new ChannelMessage("", answer);
                yield break;
            }
            var start = message + Message.Length;
            var (end, mark) = EndOf(answer, start);
            yield return new ChannelMessage(answer[at..message], answer[start..end]);
            at = mark == Start ? end : end + mark.Length;
        }
    }

    private static (int At, string Mark) EndOf(string answer, int from)
    {
        var (end, mark) = (answer.Length, "");
        foreach (var candidate in Ends)
        {
            var at = answer.IndexOf(candidate, from, StringComparison.Ordinal);
            if (at >= 0 && at < end) (end, mark) = (at, candidate);
        }
        return (end, mark);
    }
}
