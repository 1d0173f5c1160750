namespace Coppice;

/// <summary>
/// How busy a model is at one moment. Each number is right by itself; together they may be of slightly different moments.
/// </summary>
/// <param name="RunningSequences">Sequences that take part in passes.</param>
/// <param name="WaitingSequences">Sequences that wait for a place or for memory.</param>
/// <param name="Preemptions">How often a sequence had to give its keys and values up amid its work, since the model was loaded.</param>
/// <param name="KvPages">
/// Pages of keys and values that sequences share, 64 positions each; 0 where each sequence has memory of its own.
/// </param>
/// <param name="KvPagesInUse">Those of them that a sequence or the cache of prompts holds.</param>
public readonly record struct ModelStatistics(
    int RunningSequences, int WaitingSequences, long Preemptions, int KvPages, int KvPagesInUse);
