namespace Coppice.Execution;

/// <summary>Limits of a scheduler.</summary>
/// <param name="Sequences">Sequences in passes at once.</param>
/// <param name="Queue">Requests that wait for a place at most.</param>
/// <param name="Bound">Time between two tokens that a prompt of another sequence may cause; two passes of decoding where they take
/// longer.</param>
internal sealed record SchedulerOptions(int Sequences, int Queue, TimeSpan Bound);
