namespace Coppice.Constraints;

/// <summary>Several constraints at once: a token is allowed where all allow it.</summary>
public sealed class ConstraintIntersection : ITokenConstraint
{
    private readonly ITokenConstraint[] _parts;
    private readonly ulong[] _part;

    /// <summary>The intersection of <paramref name="parts"/>, which it takes over: all must be at the same position.</summary>
    /// <exception cref="ArgumentException">There is none, or they are at different positions.</exception>
    public ConstraintIntersection(TokenVocabulary vocabulary, params IReadOnlyList<ITokenConstraint> parts)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        ArgumentNullException.ThrowIfNull(parts);
        _parts = [.. parts];
        if (_parts.Length == 0 || _parts.Any(part => part.Position != _parts[0].Position))
            throw new ArgumentException("constraints: must be at least one, all at the same position.", nameof(parts));
        _part = new ulong[vocabulary.MaskWords];
    }

    private ConstraintIntersection(ITokenConstraint[] parts, int words) => (_parts, _part) = (parts, new ulong[words]);

    /// <summary>What it is made of.</summary>
    public IReadOnlyList<ITokenConstraint> Parts => _parts;

    /// <inheritdoc/>
    public bool MayWait => Array.Exists(_parts, part => part.MayWait);

    /// <inheritdoc/>
    public int Position => _parts[0].Position;

    /// <inheritdoc/>
    public bool CanStop => Array.TrueForAll(_parts, part => part.CanStop);

    /// <inheritdoc/>
    public bool MustStop => CanStop && Array.Exists(_parts, part => part.MustStop);

    /// <inheritdoc/>
    public async ValueTask PrepareAsync(CancellationToken cancellationToken = default)
    {
        foreach (var part in _parts)
            if (part.MayWait) await part.PrepareAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public bool FillMask(Span<ulong> mask, int tokensLeft = int.MaxValue)
    {
        var isLimited = _parts[0].FillMask(mask, tokensLeft);
        for (var i = 1; i < _parts.Length; i++)
        {
            if (!_parts[i].FillMask(_part, tokensLeft)) continue;
            isLimited = true;
            for (var word = 0; word < _part.Length; word++) mask[word] &= _part[word];
        }
        return isLimited;
    }

    /// <inheritdoc/>
    public bool TryAdvance(int token)
    {
        var before = Position;
        for (var i = 0; i < _parts.Length; i++)
        {
            if (_parts[i].TryAdvance(token)) continue;
            while (--i >= 0) _parts[i].Rollback(before);
            return false;
        }
        return true;
    }

    /// <inheritdoc/>
    public int ForcedTokens(Span<int> destination, int tokensLeft = int.MaxValue)
    {
        var start = Position;
        var count = LongestForced(destination, tokensLeft);
        var allowed = 0;
        while (allowed < count && TryAdvance(destination[allowed])) allowed++;
        Rollback(start);
        return allowed;
    }

    /// <inheritdoc/>
    public void Rollback(int position)
    {
        foreach (var part in _parts) part.Rollback(position);
    }

    /// <inheritdoc/>
    public ITokenConstraint Fork() => new ConstraintIntersection(Array.ConvertAll(_parts, part => part.Fork()), _part.Length);

    /// <summary>What one part forces is forced, as far as the others allow it: then nothing else is left.</summary>
    private int LongestForced(Span<int> destination, int tokensLeft)
    {
        foreach (var part in _parts)
            if (part.ForcedTokens(destination, tokensLeft) is var count and > 0) return count;
        return 0;
    }
}
