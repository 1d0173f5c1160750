namespace Coppice.Cli;

/// <summary>Several continuations of a prompt, the best first.</summary>
internal sealed record DraftsResult(string Method, IReadOnlyList<DraftRow> Drafts, DraftsTimes Timing);

/// <summary>One of them; log_score as <see cref="Draft.LogScore"/>.</summary>
internal sealed record DraftRow(IReadOnlyList<int> Ids, string Text, double LogScore);

/// <summary>Until the first step's drafts; then what a step takes, and of it the pass, looking n-grams up, and choosing.</summary>
internal sealed record DraftsTimes(double FirstTokenMs, double StepMs, double ForwardMs, double LookupMs, double MergeMs);
