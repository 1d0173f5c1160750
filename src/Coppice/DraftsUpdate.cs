using Coppice.Constraints;

namespace Coppice;

/// <summary>One of several continuations.</summary>
/// <param name="Ids">Its tokens after the prompt; the token that ended it included.</param>
/// <param name="Text">Their text, as far as it is final, without a stop string; empty without a tokenizer.</param>
/// <param name="LogScore">
/// Sum over its tokens, in nats. Batched and beam: the model's own log-probabilities. Superposed: the method's score, which is no
/// log-probability of the model, and compares drafts of one run only; of a draft with a sampled beginning that of the rest.
/// </param>
/// <param name="Parent">Its place among the drafts of the update before; null where it begins at the prompt, or has ended.</param>
public sealed record Draft(IReadOnlyList<int> Ids, string Text, double LogScore, int? Parent);

/// <summary>Where time went.</summary>
public sealed record DraftsTiming
{
    /// <summary>From the request to the first step's drafts.</summary>
    public required TimeSpan FirstToken { get; init; }
    /// <summary>Steps so far; the first is part of the prompt's pass.</summary>
    public required int Steps { get; init; }
    /// <summary>What the passes of all steps but the first have taken, heads included.</summary>
    public required TimeSpan Forward { get; init; }
    /// <summary>What n-grams have taken.</summary>
    public required TimeSpan Lookup { get; init; }
    /// <summary>What choosing, and moving keys and values, has taken beside that.</summary>
    public required TimeSpan Merge { get; init; }
    /// <summary>From the request to this step.</summary>
    public required TimeSpan Total { get; init; }
}

/// <summary>All drafts after a step.</summary>
/// <param name="Step">Tokens that each draft that goes on has, from 1 on.</param>
/// <param name="Drafts">
/// Those that go on: superposed and beam the best first, batched in the order of their seeds. In the last update the result: the best of
/// all, by their score
/// for each token, the best first.
/// </param>
/// <param name="Ended">Those that have ended so far, the best first.</param>
/// <param name="IsLast">Whether nothing follows.</param>
/// <param name="Method">How they are made.</param>
/// <param name="Timing">Where time went.</param>
public sealed record DraftsUpdate(
    int Step, IReadOnlyList<Draft> Drafts, IReadOnlyList<Draft> Ended, bool IsLast, DraftsMethod Method, DraftsTiming Timing)
{
    /// <summary>
    /// Where the best token of a draft, also of one that was given up, would have completed a text that <see cref="DraftsOptions.Deny"/>
    /// names, so far, with its probability. Empty without a deny list.
    /// </summary>
    public IReadOnlyList<DenyHit> DenyHits { get; init; } = [];
}
