namespace Coppice.Fuzz;

/// <summary>Something that reads what strangers write.</summary>
/// <param name="Name">What the command line and the table call it.</param>
/// <param name="Seeds">Inputs to begin with: good ones, small, of every kind that the reader knows.</param>
/// <param name="Words">Pieces that belong to the format; a mutation may write them anywhere.</param>
/// <param name="Prepare">Makes what reads one input after another, for one thread. Reading it to the end or throwing an
/// <see cref="EngineException"/> is right; anything else is a finding.</param>
internal sealed record Target(string Name, IReadOnlyList<byte[]> Seeds, IReadOnlyList<byte[]> Words, Func<Action<byte[]>> Prepare);
