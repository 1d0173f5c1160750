using System.Runtime.InteropServices;
using Coppice.Cache;
using Coppice.Kernels;
using Coppice.Kernels.Memory;
using Coppice.Loading;

namespace Coppice.Fuzz;

/// <summary>
/// A small cache of one kind into which saved sessions are read, and what must hold of every file that is accepted: its tokens are of the
/// vocabulary, attention goes over what it brought, and saved again the session begins with the same bytes.
/// </summary>
/// <remarks>
/// Small, because changes at random must hit what the reader decides by, not keys and values, of which any bits are good.
/// </remarks>
internal sealed class SessionReader
{
    private const int Vocabulary = 32, Capacity = 256;

    private readonly Backend _backend = DeviceFactory.Create("cpu", 1);
    private readonly KvGeometry _geometry;
    private readonly KvCache _cache;
    private readonly byte[] _fingerprint;
    private readonly int _vocabulary;
    private readonly Tensor _k, _v, _q, _y;

    /// <summary>A reader of sessions of a cache.</summary>
    /// <param name="layers">Layers, each with one head of keys and values.</param>
    /// <param name="headDim">Elements of the head.</param>
    /// <param name="compression">How keys and values are compressed; null where they are not.</param>
    /// <param name="fingerprint">Of the model, 32 bytes.</param>
    /// <param name="vocabulary">Token ids must be below it.</param>
    public SessionReader(int layers, int headDim, KvCompression? compression, byte[] fingerprint, int vocabulary = Vocabulary)
    {
        (_fingerprint, _vocabulary) = (fingerprint, vocabulary);
        _geometry = new KvGeometry(layers, 1, headDim, ElementType.F16);
        var format = compression is null ? null : new KvChunkFormat(compression, _geometry, Capacity);
        var rows = new Shape(Capacity, 1, headDim);
        var states = new Shape(Capacity, 1, headDim + KvChunkFormat.StateScalars);
        // The pool lives as long as the process.
        var pool = _backend.CreatePool("kv", 4 * (4 * rows.Count + states.Count) + 4096);
        (_k, _v, _q, _y) = (pool.Rent(rows), pool.Rent(rows), pool.Rent(rows), pool.Rent(rows));
        _cache = KvCacheKind.Create(new KvSource(_backend, _geometry, null, format, pool.Rent(states)), Capacity);
        foreach (var tensor in (Tensor[])[_k, _v, _q, _y]) _backend.Upload<float>(Numbers((int)tensor.Shape.Count), tensor);
    }

    /// <summary>Whether <paramref name="input"/> says that it is of this reader's model.</summary>
    public bool Knows(ReadOnlySpan<byte> input) => input.Length >= 48 && input[16..48].SequenceEqual(_fingerprint);

    /// <summary>A file of <paramref name="length"/> tokens, and one more that is not in the cache.</summary>
    public byte[] Written(int length)
    {
        _cache.Truncate(0);
        _cache.Reserve(length);
        Attend(length);
        _cache.Advance(length);
        var stream = new MemoryStream();
        SessionFile.Write(stream, _cache, [.. Enumerable.Range(1, length + 1).Select(i => i % _vocabulary)], false, _fingerprint);
        return stream.ToArray();
    }

    /// <summary>Reads a file.</summary>
    public void Read(byte[] input)
    {
        using var stream = new MemoryStream(input, writable: false);
        var session = SessionFile.Read("session", stream, _cache, _fingerprint, _vocabulary);
        foreach (var token in session.Tokens)
        {
            if ((uint)token >= (uint)_vocabulary) throw new InvalidDataException($"token {token}");
        }
        using var again = new MemoryStream(input.Length);
        SessionFile.Write(again, _cache, session.Tokens, session.Beyond, _fingerprint);
        var begins = SessionFileHeader.Size + sizeof(int) * session.Tokens.Length;
        if (again.Length != input.Length || !again.GetBuffer().AsSpan(0, begins).SequenceEqual(input.AsSpan(0, begins)))
            throw new InvalidDataException("saved again, the session is another");
        if (_cache.Length == Capacity) return;
        _cache.Reserve(1);
        Attend(1);
    }

    /// <summary>Appends the rows that are reserved, and attends to all that came before them.</summary>
    private void Attend(int rows)
    {
        for (var layer = 0; layer < _geometry.Layers; layer++)
        {
            _cache.Append(layer, _k.Slice(0, rows), _v.Slice(0, rows));
            _cache.Attend(layer, _q.Slice(0, rows), AttentionMask.Causal(_cache.Length), 0.3f, 0, _y.Slice(0, rows));
        }
    }

    private static float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(i => (i * 37 % 64 - 32) / 16f)];
}
