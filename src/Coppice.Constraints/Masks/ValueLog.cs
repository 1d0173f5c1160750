using System.Text;

namespace Coppice.Constraints.Masks;

/// <summary>The bytes of a value that is being read and must be known at its end, the newest first, in an immutable list.</summary>
internal sealed class ValueLog
{
    private readonly ValueLog? _before;
    private readonly byte _last;
    private readonly int _length;

    private ValueLog(ValueLog? outer, ValueLog? before, byte last)
    {
        Outer = outer;
        _before = before;
        _last = last;
        _length = (before?._length ?? 0) + 1;
    }

    /// <summary>The value around this one where that is kept too.</summary>
    public ValueLog? Outer { get; }

    /// <summary>Begins a value with its first byte.</summary>
    public static ValueLog Begin(ValueLog? outer, byte first) => new(outer, null, first);

    /// <summary>Takes one more byte.</summary>
    public ValueLog With(byte next) => new(Outer, this, next);

    /// <summary>All bytes as text.</summary>
    public string Text => Encoding.UTF8.GetString(Bytes);

    /// <summary>The value around, with this one at its end.</summary>
    public ValueLog? Joined()
    {
        var outer = Outer;
        if (outer is null) return null;
        foreach (var value in Bytes) outer = outer.With(value);
        return outer;
    }

    private byte[] Bytes
    {
        get
        {
            var bytes = new byte[_length];
            var log = this;
            for (var i = _length - 1; i >= 0; i--, log = log._before!) bytes[i] = log._last;
            return bytes;
        }
    }
}
