namespace Coppice.Drafting.NGrams;

/// <summary>Says which tokens followed which, and how often.</summary>
internal interface INGramCounts
{
    /// <summary>Tokens of the shortest run that counts.</summary>
    int FirstOrder { get; }
    /// <summary>Tokens of the longest run.</summary>
    int LastOrder { get; }

    /// <summary>Finds what follows <paramref name="context"/>.</summary>
    /// <param name="context">From 1 to <see cref="LastOrder"/> - 1 tokens.</param>
    /// <param name="found">Its continuations.</param>
    /// <returns>Whether anything follows it.</returns>
    bool TryFind(ReadOnlySpan<int> context, out NGramContext found);

    /// <summary>How often each of some tokens follows a context; 0 where it does not, or too seldom to be kept.</summary>
    /// <param name="context">What <see cref="TryFind"/> has found.</param>
    /// <param name="tokens">Ids, ascending.</param>
    /// <param name="counts">[tokens]: receives them, none above the context's total.</param>
    void Count(in NGramContext context, ReadOnlySpan<int> tokens, Span<long> counts);
}

/// <summary>What follows some tokens in a store.</summary>
/// <param name="Order">Those tokens and the one after them.</param>
/// <param name="First">The first continuation in its section.</param>
/// <param name="Count">How many there are.</param>
/// <param name="Total">How often any token follows, those that were not kept among them.</param>
internal readonly record struct NGramContext(int Order, int First, int Count, long Total);
