namespace Coppice.Drafting;

/// <summary>
/// Tokens of many texts in one ring of blocks, so that texts that grow at the same time stay readable as wholes; the oldest block makes
/// room.
/// </summary>
/// <remarks>
/// A place is a running number, 0 for none. Places wrap around after 2³² tokens; a place of long ago may then seem to be a new one, which
/// is why users of places compare tokens. Not thread-safe. Allocates nothing after construction.
/// </remarks>
internal sealed class TextRing
{
    /// <summary>Tokens of a block.</summary>
    public const int BlockTokens = 64;

    private readonly int[] _tokens;
    private readonly Block[] _blocks;
    private readonly uint _mask;
    private uint _next = BlockTokens;   // the first place of the next block
    private long _texts;

    /// <summary>A block: how many tokens it holds, the place before its first one, and the block after it.</summary>
    private struct Block
    {
        public long Text;
        public int Count;
        public uint Before, After;
    }

    /// <summary>Creates a ring for at least <paramref name="capacity"/> tokens.</summary>
    public TextRing(int capacity)
    {
        var size = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(capacity, 2 * BlockTokens));
        (_tokens, _mask) = (new int[size], (uint)size - 1);
        _blocks = new Block[size / BlockTokens];
    }

    /// <summary>Places in the ring: an index below it belongs to each live place.</summary>
    public int Capacity => _tokens.Length;

    /// <summary>Starts a text that continues the one up to <paramref name="last"/>, or an empty one.</summary>
    /// <param name="last">Place of the last token that it shares with an earlier text, or 0.</param>
    /// <param name="count">Tokens up to there.</param>
    public RingText Begin(uint last = 0, int count = 0) => new() { Number = ++_texts, Last = last, Count = count };

    /// <summary>The index of a live place.</summary>
    public int IndexOf(uint place) => (int)(place & _mask);

    /// <summary>Whether a place still holds its token.</summary>
    public bool IsLive(uint place) => place != 0 && _next - place - 1 < (uint)_tokens.Length;

    /// <summary>The token at a live place.</summary>
    public int Token(uint place) => _tokens[place & _mask];

    /// <summary>Whether the block of a live place belongs to <paramref name="text"/>.</summary>
    public bool Belongs(uint place, RingText text) => BlockOf(place).Text == text.Number;

    /// <summary>The place before a live one in its text, or 0 where the text begins or what was before is gone.</summary>
    public uint Before(uint place)
    {
        if (place % BlockTokens != 0) return place - 1;
        var before = BlockOf(place).Before;
        return IsLive(before) ? before : 0;
    }

    /// <summary>The place after a live one in its text, or 0 where the text ends.</summary>
    public uint After(uint place)
    {
        ref var block = ref BlockOf(place);
        if (place % BlockTokens + 1 < block.Count) return place + 1;
        return block.Count == BlockTokens && IsLive(block.After) ? block.After : 0;
    }

    /// <summary>Appends a token to <paramref name="text"/> and returns its place.</summary>
    public uint Append(RingText text, int token)
    {
        var last = text.Last;
        var place = IsOpen(text) ? last + 1 : Open(text);
        _tokens[place & _mask] = token;
        BlockOf(place).Count++;
        text.Last = place;
        text.Count++;
        return place;
    }

    /// <summary>Whether the block of the text's last token is its own and has room.</summary>
    private bool IsOpen(RingText text) => IsLive(text.Last) && Belongs(text.Last, text) && BlockOf(text.Last).Count < BlockTokens;

    /// <summary>Takes the oldest block for <paramref name="text"/>.</summary>
    private uint Open(RingText text)
    {
        var first = _next;
        _next += BlockTokens;
        var before = IsLive(text.Last) ? text.Last : 0;
        if (before != 0 && Belongs(before, text)) BlockOf(before).After = first;
        BlockOf(first) = new Block { Text = text.Number, Before = before };
        return first;
    }

    private ref Block BlockOf(uint place) => ref _blocks[(place & _mask) / BlockTokens];
}

/// <summary>A text in a <see cref="TextRing"/> that may grow.</summary>
internal sealed class RingText
{
    /// <summary>Its number, which no other text has.</summary>
    public required long Number { get; init; }
    /// <summary>Place of its last token, or 0.</summary>
    public uint Last { get; set; }
    /// <summary>Its tokens, those included that the ring has lost.</summary>
    public int Count { get; set; }
}
