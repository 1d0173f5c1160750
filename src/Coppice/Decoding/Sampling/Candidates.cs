namespace Coppice.Decoding.Sampling;

/// <summary>The tokens that the next one is chosen from, each with its logit: a whole row of logits, or the largest of one.</summary>
/// <remarks>
/// Ids ascend. In a whole row every id of the vocabulary is its own index. Of the largest logits of a row <see cref="Bound"/> says what is
/// known about the tokens that are not here; each processor keeps it true. When nothing is left outside, the choice among the candidates is
/// the choice in the whole row.
/// </remarks>
internal ref struct Candidates
{
    private readonly ReadOnlySpan<int> _ids;

    /// <summary>A whole row of logits [vocabulary].</summary>
    public Candidates(Span<float> row)
    {
        Logits = row;
        IsWholeRow = true;
        Bound = float.NegativeInfinity;
    }

    /// <summary>Some tokens of a row.</summary>
    /// <param name="ids">Ascending.</param>
    /// <param name="logits">Theirs.</param>
    /// <param name="bound">No other token of the row has a larger logit; -∞ if there is no other.</param>
    public Candidates(ReadOnlySpan<int> ids, Span<float> logits, float bound)
    {
        _ids = ids;
        Logits = logits;
        Bound = bound;
    }

    /// <summary>The logits, which processors change; -∞ for a token that must not be chosen.</summary>
    public Span<float> Logits { get; }
    /// <summary>Their ids, ascending; empty for a whole row.</summary>
    public readonly ReadOnlySpan<int> Ids => _ids;
    /// <summary>Whether every token of the vocabulary is here.</summary>
    public bool IsWholeRow { get; }
    /// <summary>No token outside has a larger logit; -∞ if none outside can be chosen.</summary>
    public float Bound { get; set; }
    /// <summary>Whether no token outside can be chosen.</summary>
    public readonly bool IsComplete => float.IsNegativeInfinity(Bound);
    /// <summary>Ids are below it.</summary>
    public readonly int IdLimit => IsWholeRow ? Logits.Length : _ids.IsEmpty ? 0 : _ids[^1] + 1;

    /// <summary>The token at <paramref name="index"/>.</summary>
    public readonly int Id(int index) => IsWholeRow ? index : _ids[index];

    /// <summary>Finds the index of the token <paramref name="id"/>.</summary>
    public readonly bool TryIndexOf(int id, out int index)
    {
        index = IsWholeRow ? id : _ids.BinarySearch(id);
        return (uint)index < (uint)Logits.Length;
    }

    /// <summary>Says that a token outside may have any logit: what the processors do cannot be known without the whole row.</summary>
    public void NeedWholeRow() => Bound = float.PositiveInfinity;
}
