namespace Coppice.Text.Unicode;

/// <summary>
/// A property of code points that is costly to compute, remembered in pages of 256. A page is computed when one of its code points is asked
/// for, perhaps twice by two threads, and never changes then.
/// </summary>
internal sealed class CodePointProperty
{
    private readonly Func<int, bool> _holds;
    private readonly ulong[]?[] _pages = new ulong[]?[0x110000 >> 8];

    public CodePointProperty(Func<int, bool> holds) => _holds = holds;

    /// <summary>Whether the code point has the property.</summary>
    public bool Holds(int codePoint)
    {
        var page = _pages[codePoint >> 8] ?? Compute(codePoint >> 8);
        return (page[codePoint >> 6 & 3] >> codePoint & 1) != 0;
    }

    private ulong[] Compute(int number)
    {
        var page = new ulong[4];
        for (var i = 0; i < 256; i++)
            if (_holds(number << 8 | i)) page[i >> 6] |= 1ul << i;
        return _pages[number] = page;
    }
}
