using System.Security.Cryptography;
using Coppice.Constraints.Tokens;

namespace Coppice.Constraints;

/// <summary>
/// All that a constraint knows of a tokenizer: the bytes that each id adds to a text, the special ids, and the ids that end a text.
/// </summary>
/// <remarks>
/// Immutable and safe for concurrent use. Build it once for a tokenizer: it owns the token trie that all masks are found with.
/// </remarks>
public sealed class TokenVocabulary
{
    private static long _count;

    private readonly long _number = Interlocked.Increment(ref _count);
    private readonly byte[] _bytes;
    private readonly int[] _starts;
    private readonly int[] _endIds;
    private readonly Dictionary<string, int> _specialIds;
    private readonly Lazy<TokenTrie> _trie;
    private readonly Lazy<TokenSlices> _slices;
    private readonly Lazy<byte[]> _missing;

    /// <summary>A vocabulary of <paramref name="tokens"/>.Count ids.</summary>
    /// <param name="tokens">The bytes of each id, which need not be whole characters; empty or null for an id that stands for no text
    /// (special, unused). Several ids may have the same bytes.</param>
    /// <param name="endIds">The ids that end a text; they are allowed where a constraint may stop.</param>
    /// <param name="specialTokens">Names of special ids, for grammars that ask for a special token by name; may be null.</param>
    /// <exception cref="ArgumentException">An end id or a special id is not below the number of tokens.</exception>
    public TokenVocabulary(
        IReadOnlyList<byte[]?> tokens, IReadOnlyList<int> endIds, IReadOnlyDictionary<string, int>? specialTokens = null)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(endIds);
        Count = tokens.Count;
        _starts = new int[Count + 1];
        for (var id = 0; id < Count; id++) _starts[id + 1] = checked(_starts[id] + (tokens[id]?.Length ?? 0));
        _bytes = new byte[_starts[Count]];
        for (var id = 0; id < Count; id++) tokens[id]?.CopyTo(_bytes, _starts[id]);
        _endIds = [.. endIds];
        _specialIds = specialTokens is null ? [] : new Dictionary<string, int>(specialTokens, StringComparer.Ordinal);
        if (EndIds.Concat(_specialIds.Values).FirstOrDefault(id => id < 0 || id >= Count, -1) is var wrong && wrong != -1)
            throw new ArgumentException($"vocabulary: special and end ids must be below {Count:N0}, found {wrong}.", nameof(endIds));
        Fingerprint = FingerprintOf();
        _trie = new Lazy<TokenTrie>(() => new TokenTrie(this, Enumerable.Range(0, Count)));
        _slices = new Lazy<TokenSlices>(() => new TokenSlices(this));
        _missing = new Lazy<byte[]>(
            () => [.. Enumerable.Range(0, 256).Select(value => (byte)value).Where(value => !_bytes.AsSpan().Contains(value))]);
    }

    /// <summary>Number of ids, those without bytes included.</summary>
    public int Count { get; }

    /// <summary>The ids that end a text.</summary>
    public IReadOnlyList<int> EndIds => _endIds;

    /// <summary>Words of 64 bits that a mask over all ids takes; bit i % 64 of word i / 64 is id i.</summary>
    public int MaskWords => (Count + 63) / 64;

    /// <summary>
    /// The ids that the tokenizer splits a text into, without special tokens; null where it is not known. Must be safe for concurrent use
    /// and give the same ids for the same text. Constraints use it for texts that must come as they are.
    /// </summary>
    public Func<string, IReadOnlyList<int>>? Encode { get; init; }

    /// <summary>A hash of all bytes, special ids and end ids; equal vocabularies have equal fingerprints.</summary>
    public string Fingerprint { get; }

    /// <summary>
    /// What grammars are cached by: vocabularies that split texts may do so differently although their tokens are the same.
    /// </summary>
    internal string CacheKey => Encode is null ? Fingerprint : $"{Fingerprint}#{_number}";

    /// <summary><see cref="EndIds"/> without an enumerator.</summary>
    internal ReadOnlySpan<int> Ends => _endIds;

    /// <summary>The ids of special tokens that have names.</summary>
    internal IEnumerable<int> SpecialIds => _specialIds.Values;

    /// <summary>Bytes that no token has.</summary>
    internal byte[] MissingBytes => _missing.Value;

    internal TokenTrie Trie => _trie.Value;

    internal TokenSlices Slices => _slices.Value;

    /// <summary>The bytes that <paramref name="id"/> adds to a text; empty where it stands for none.</summary>
    /// <exception cref="IndexOutOfRangeException">The id is not in the vocabulary.</exception>
    public ReadOnlySpan<byte> BytesOf(int id) => _bytes.AsSpan(_starts[id], _starts[id + 1] - _starts[id]);

    /// <summary>The id of the special token called <paramref name="name"/>, or null.</summary>
    public int? SpecialId(string name) => _specialIds.TryGetValue(name, out var id) ? id : null;

    /// <summary>Whether the id is an end of text.</summary>
    public bool IsEnd(int id)
    {
        foreach (var end in _endIds)
            if (end == id) return true;
        return false;
    }

    private string FingerprintOf()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(_bytes);
        hash.AppendData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(_starts.AsSpan()));
        hash.AppendData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(_endIds.AsSpan()));
        foreach (var (name, id) in _specialIds.OrderBy(pair => pair.Value))
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes($"{id}:{name}\n"));
        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
