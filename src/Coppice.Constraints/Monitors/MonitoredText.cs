using System.Text;

namespace Coppice.Constraints;

/// <summary>A text that grows token by token and never changes: forks and ways back cost nothing.</summary>
public sealed class MonitoredText
{
    private readonly MonitoredText? _before;
    private readonly string _piece;
    private readonly byte[] _partial;

    private MonitoredText(MonitoredText? before, string piece, byte[] partial)
    {
        (_before, _piece, _partial) = (before, piece, partial);
        Length = (before?.Length ?? 0) + piece.Length;
    }

    /// <summary>Characters so far, in UTF-16 units; bytes of an unfinished character do not count.</summary>
    public int Length { get; }

    /// <summary>Whether the last character is unfinished.</summary>
    public bool IsPartial => _partial.Length > 0;

    /// <summary>A text.</summary>
    public static MonitoredText Of(string text) => new(null, text, []);

    /// <summary>Whether the text ends in <paramref name="end"/>.</summary>
    public bool EndsWith(string end)
    {
        ArgumentNullException.ThrowIfNull(end);
        return Tail(end.Length) == end;
    }

    /// <summary>The last <paramref name="length"/> characters, fewer where there are fewer.</summary>
    public string Tail(int length)
    {
        var pieces = new Stack<string>();
        var found = 0;
        for (var at = this; at is not null && found < length; at = at._before)
        {
            pieces.Push(at._piece);
            found += at._piece.Length;
        }
        var tail = string.Concat(pieces);
        return tail.Length > length ? tail[^length..] : tail;
    }

    /// <summary>All of it.</summary>
    public override string ToString() => Tail(Length);

    internal MonitoredText With(ReadOnlySpan<byte> bytes)
    {
        byte[] all = [.. _partial, .. bytes];
        var whole = all.Length;
        // Up to three bytes at the end may be the beginning of a character.
        for (var back = 1; back <= Math.Min(3, all.Length); back++)
        {
            var lead = all[^back];
            if (lead < 0x80) break;
            if (lead < 0xC0) continue;
            if (back < (lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2)) whole = all.Length - back;
            break;
        }
        return new MonitoredText(this, Encoding.UTF8.GetString(all, 0, whole), all[whole..]);
    }
}
