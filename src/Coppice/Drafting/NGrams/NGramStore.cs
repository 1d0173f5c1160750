using System.Runtime.CompilerServices;
using Coppice.Drafting.Datastores;
using Coppice.Kernels.Simd;

namespace Coppice.Drafting.NGrams;

/// <summary>
/// Which tokens followed which in a corpus, and how often: exact counts of runs of up to 7 tokens. A file, mapped into memory.
/// </summary>
/// <remarks>
/// A tree whose levels are the sections of the file: <see cref="NGramSection"/>. After the header, whose width is the longest run and whose
/// count is the size of the vocabulary, stands a directory with an entry for each section, and u32 of the shortest run that counts and u32
/// of the least count kept. Where that is above 1, rarer runs are not in the file; the counts of the others and how often something follows
/// them are as if they were. Every number is checked when the file is opened, up to <see cref="CheckedBytes"/>; in larger files wrong
/// numbers make wrong counts and nothing worse. Thread-safe.
/// </remarks>
internal sealed class NGramStore : INGramCounts, IDisposable
{
    /// <summary>Tokens of the longest run.</summary>
    public const int MostTokens = 7;
    /// <summary>The name of a store that lies beside a model.</summary>
    public const string FileName = "ngrams.bin";
    /// <summary>Files that are larger are not read when they are opened.</summary>
    public const long CheckedBytes = 1L << 30;
    /// <summary>How a store is made, for messages.</summary>
    internal const string Made = "`coppice ngrams build` and the folder of this model as --tokenizer";

    private readonly DatastoreFile _file;
    private readonly NGramSection[] _sections;

    private NGramStore(DatastoreFile file, NGramSection[] sections, int firstOrder, int leastCount)
    {
        (_file, _sections, FirstOrder, LeastCount) = (file, sections, firstOrder, leastCount);
    }

    /// <summary>What a store begins with.</summary>
    internal static ReadOnlySpan<byte> Magic => "COPNGRM1"u8;

    /// <inheritdoc/>
    public int FirstOrder { get; }
    /// <inheritdoc/>
    public int LastOrder => _sections.Length;
    /// <summary>Runs that are rarer are not in the file.</summary>
    public int LeastCount { get; }
    /// <summary>Tokens of the texts.</summary>
    public long Tokens => _sections[0].Positions;
    /// <summary>The runs of n tokens, n from 1 on.</summary>
    public IReadOnlyList<NGramSection> Sections => _sections;

    /// <summary>Opens a file whose tokens are those of a vocabulary of <paramref name="vocabulary"/>.</summary>
    /// <exception cref="CheckpointException">It is missing, malformed or made with another tokenizer.</exception>
    public static NGramStore Open(string path, ReadOnlySpan<byte> fingerprint, int vocabulary)
    {
        var file = DatastoreFile.Open(path, Magic, fingerprint, Made);
        try
        {
            return Read(file, vocabulary);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    [MethodImpl(Compiled.Alone)]
    public bool TryFind(ReadOnlySpan<int> context, out NGramContext found)
    {
        found = default;
        var (first, count) = (0, _sections[0].Nodes);
        var node = 0;
        for (var i = 0; i < context.Length; i++)
        {
            if (!_sections[i].TryFind(first, count, context[i], out node)) return false;
            (first, count) = _sections[i].Continuations(node, _sections[i + 1]);
        }
        var total = _sections[context.Length - 1].Followed(node);
        if (count == 0 || total <= 0) return false;
        found = new NGramContext(context.Length + 1, first, count, total);
        return true;
    }

    /// <inheritdoc/>
    [MethodImpl(Compiled.Alone)]
    public void Count(in NGramContext context, ReadOnlySpan<int> tokens, Span<long> counts)
    {
        _sections[context.Order - 1].Count(context.First, context.Count, tokens, counts);
        for (var i = 0; i < tokens.Length; i++) counts[i] = Math.Min(counts[i], context.Total);
    }

    /// <summary>
    /// Asks once, so that the code is compiled when the first draft comes: that takes many times as long as what a step asks for.
    /// </summary>
    public void WarmUp()
    {
        Span<long> counts = stackalloc long[1];
        TryFind([0], out _);
        _sections[0].Followed(0);
        _sections[1].TryFind(0, 0, 0, out _);
        Count(new NGramContext(LastOrder, 0, 0, 0), [0], counts);
    }

    /// <summary>Every run of <paramref name="order"/> tokens and how often it occurs, in the order of their tokens.</summary>
    public IEnumerable<(int[] Tokens, long Count)> Runs(int order) => Below([], 0, _sections[0].Nodes, order);

    /// <summary>Unmaps the file.</summary>
    public void Dispose() => _file.Dispose();

    private static NGramStore Read(DatastoreFile file, int vocabulary)
    {
        if (file.Width is < 2 or > MostTokens)
            throw new CheckpointException($"{file.Name}: orders must end at 2 to {MostTokens}, its header says {file.Width}.");
        // A model may have more rows than its tokenizer has tokens.
        if (file.Count > (ulong)vocabulary)
            throw new CheckpointException(
                $"{file.Name}: must have at most the {vocabulary} tokens of the model, its header says {file.Count}.");
        var (orders, directory) = ((int)file.Width, DatastoreFile.HeaderBytes + (long)file.Width * NGramSection.EntryBytes);
        if (file.Length < directory + 8) throw new CheckpointException($"{file.Name}: ends within its directory.");
        var settings = file.Array<uint>(directory, 2);
        if (settings[0] < 2 || settings[0] > orders || settings[1] is 0 or > int.MaxValue)
            throw new CheckpointException($"{file.Name}: must begin at an order from 2 to {orders}, its header says {settings[0]}.");
        var sections = new NGramSection[orders];
        var end = directory + 8;
        for (var order = 1; order <= orders; order++)
        {
            var section = sections[order - 1] = NGramSection.Read(file, order, order == orders);
            end = Math.Max(end, section.End);
        }
        if (end != file.Length) throw new CheckpointException($"{file.Name}: must have {end:N0} bytes, found {file.Length:N0}.");
        if ((ulong)sections[0].Nodes != file.Count)
            throw new CheckpointException(
                $"{file.Name}: order 1 must have the {file.Count} tokens of the header, found {sections[0].Nodes}.");
        for (var i = 0; i < orders && file.Length <= CheckedBytes; i++)
        {
            if (i > 0) sections[i].CheckTokens((int)file.Count);
            sections[i].Check(i + 1 < orders ? sections[i + 1] : null);
        }
        return new NGramStore(file, sections, (int)settings[0], (int)settings[1]);
    }

    private IEnumerable<(int[] Tokens, long Count)> Below(int[] before, int first, int count, int order)
    {
        var section = _sections[before.Length];
        for (var node = first; node < first + count; node++)
        {
            int[] tokens = [.. before, section.Token(node)];
            if (tokens.Length == order)
            {
                yield return (tokens, section.Count(node));
                continue;
            }
            var (below, children) = section.Continuations(node, _sections[tokens.Length]);
            foreach (var run in Below(tokens, below, children, order)) yield return run;
        }
    }
}
