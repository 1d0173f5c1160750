namespace Coppice.Text.TokenModels;

/// <summary>The symbols that a BPE model starts from, in order, and where each stands in the text, if that is asked.</summary>
internal ref struct SymbolRow
{
    private readonly Span<int> _ids;
    private readonly Span<TokenSpan> _spans;

    /// <summary>An empty row over memory for all that will be added; <paramref name="spans"/> may be empty.</summary>
    public SymbolRow(Span<int> ids, Span<TokenSpan> spans)
    {
        _ids = ids;
        _spans = spans;
    }

    public int Count { get; private set; }

    public readonly Span<int> Ids => _ids[..Count];

    public readonly Span<TokenSpan> Spans => _spans.IsEmpty ? default : _spans[..Count];

    public void Add(int id, int start, int end)
    {
        if (!_spans.IsEmpty) _spans[Count] = new TokenSpan(start, end);
        _ids[Count++] = id;
    }

    /// <summary>Adds a symbol whose letters may lie before those of the last one: it has those that no other symbol has.</summary>
    public void AddLate(int id, int start, int end)
    {
        var first = _spans.IsEmpty || Count == 0 ? start : Math.Max(start, _spans[Count - 1].End);
        Add(id, first, Math.Max(first, end));
    }
}
