namespace Coppice.Constraints.Masks;

/// <summary>
/// The states after each token, newest last. Forks share what came before: a chunk is written on by whoever reached its end first, and
/// copied by others. So forking costs O(1), and going back costs a step for each chunk.
/// </summary>
internal sealed class StateHistory
{
    private const int ChunkLength = 64;

    private Chunk _chunk;

    /// <summary>A history that begins with <paramref name="start"/> and has memory for <paramref name="tokens"/> more.</summary>
    public StateHistory(in GrammarState start, int tokens = 0)
    {
        _chunk = new Chunk(null, 0);
        _chunk.States[0] = start;
        _chunk.Used = 1;
        Position = 0;
        var last = _chunk;
        for (var first = ChunkLength; first <= tokens; first += ChunkLength) last = last.Next = new Chunk(last, first);
    }

    private StateHistory(Chunk chunk, int position)
    {
        _chunk = chunk;
        Position = position;
    }

    /// <summary>Tokens taken.</summary>
    public int Position { get; private set; }

    /// <summary>The state now.</summary>
    public ref readonly GrammarState Current => ref _chunk.States[Position - _chunk.First];

    /// <summary>Adds a state.</summary>
    public void Add(in GrammarState state)
    {
        var index = ++Position - _chunk.First;
        if (index == ChunkLength)
        {
            // After a way back the next chunk may still be there; it is used again where nobody else can see it.
            _chunk = _chunk is { Next: { } kept, IsShared: false } ? kept : _chunk.Next = new Chunk(_chunk, Position);
            index = 0;
        }
        else if (index < _chunk.Used && _chunk.IsShared)
        {
            _chunk = _chunk.Copy(index);
        }
        _chunk.States[index] = state;
        _chunk.Used = index + 1;
    }

    /// <summary>Goes back to <paramref name="position"/>.</summary>
    public void Truncate(int position)
    {
        while (_chunk.First > position) _chunk = _chunk.Before!;
        Position = position;
    }

    /// <summary>A history with the same states.</summary>
    public StateHistory Fork()
    {
        // What is shared stays shared: chunks before the last one are never written on again by a history that is ahead of them.
        for (var chunk = _chunk; chunk is { IsShared: false }; chunk = chunk.Before) chunk.IsShared = true;
        return new StateHistory(_chunk, Position);
    }

    private sealed class Chunk(Chunk? before, int first)
    {
        public readonly GrammarState[] States = new GrammarState[ChunkLength];
        public readonly Chunk? Before = before;
        public readonly int First = first;
        public Chunk? Next;
        public int Used;
        public bool IsShared;

        public Chunk Copy(int length)
        {
            var copy = new Chunk(Before, First);
            Array.Copy(States, copy.States, length);
            copy.Used = length;
            return copy;
        }
    }
}
