using Coppice.Constraints;

namespace Coppice.Cli;

/// <summary>Samples of one prompt that learn from each other; the last is the answer.</summary>
/// <param name="Count">How many there are in all.</param>
/// <param name="File">Where what they show is kept; null for nowhere.</param>
internal sealed record AsapSamples(int Count, string? File)
{
    private AsapTrie? _trie;

    /// <summary>
    /// The bound at the root: how probable, as far as is known, it is that the model's own text is one of the allowed ones.
    /// </summary>
    public double Bound => _trie?.Bound ?? 1;

    /// <summary>Draws all samples but the last.</summary>
    /// <returns>The options of the last.</returns>
    /// <exception cref="CommandException">The file is there and holds something else.</exception>
    public GenerationOptions Learn(Session session, IReadOnlyList<int> prompt, GenerationOptions options, CancellationToken cancellation)
    {
        _trie = Load();
        for (var i = 0; i < Count - 1; i++)
            foreach (var _ in session.Generate(prompt, Sample(options, i), cancellation)) { }
        return Sample(options, Count - 1);
    }

    /// <summary>The same without a thread of its own.</summary>
    public async Task<GenerationOptions> LearnAsync(
        Session session, IReadOnlyList<int> prompt, GenerationOptions options, CancellationToken cancellation)
    {
        _trie = Load();
        for (var i = 0; i < Count - 1; i++)
            await foreach (var _ in session.GenerateAsync(prompt, Sample(options, i), cancellation).ConfigureAwait(false)) { }
        return Sample(options, Count - 1);
    }

    /// <summary>Keeps what the samples have shown.</summary>
    public void Save()
    {
        if (File is null || _trie is null) return;
        using var stream = OutputFile.Create(File);
        _trie.Save(stream);
    }

    private GenerationOptions Sample(GenerationOptions options, int index) =>
        options with { Asap = _trie, Seed = unchecked(options.Seed + (ulong)index) };

    private AsapTrie Load()
    {
        if (File is null || !System.IO.File.Exists(File)) return new AsapTrie();
        try
        {
            using var stream = TextFile.Open(File);
            return AsapTrie.Load(stream);
        }
        catch (InvalidDataException error)
        {
            throw new CommandException($"{File}: {error.Message} (delete it to begin anew)", error);
        }
    }
}
