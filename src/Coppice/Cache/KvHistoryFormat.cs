using Coppice.Kernels;

namespace Coppice.Cache;

/// <summary>
/// How chunks are cut and compressed where that follows the history of a sequence (<see cref="KvCompression.PrefillExact"/>), and what they
/// take.
/// </summary>
/// <remarks>
/// A prompt is compressed when it has ended: the first one of a sequence whole, or in whole groups of keys, later ones in whole buffers, in
/// pieces of at most 4,096 tokens. After it the buffer is compressed each time it is full.
/// </remarks>
internal sealed class KvHistoryFormat
{
    private readonly KvCodec _codec;
    private readonly KvCompression _compression;
    private readonly KvGeometry _geometry;

    /// <summary>The format of <paramref name="compression"/> for a model with such keys and values.</summary>
    /// <exception cref="ArgumentException">The codec does not suit the sizes.</exception>
    public KvHistoryFormat(KvCompression compression, KvGeometry geometry)
    {
        (_compression, _geometry, _codec) = (compression, geometry, compression.Codec);
        Streamed = Layout(BufferTokens, isPrompt: false, isFirst: false);
    }

    /// <summary>Tokens of the buffer.</summary>
    public int BufferTokens => _compression.BufferTokens;
    /// <summary>Layout of a full buffer that is not the beginning of a sequence.</summary>
    public KvChunkLayout Streamed { get; }
    /// <summary>Tokens of a piece of a prompt at most: whole buffers.</summary>
    private int MostTokens => KvChunkLayout.MostTokens / BufferTokens * BufferTokens;

    /// <summary>Layout of a chunk.</summary>
    /// <param name="tokens">Tokens.</param>
    /// <param name="isPrompt">Whether they are of a prompt.</param>
    /// <param name="isFirst">Whether a sequence begins with them.</param>
    public KvChunkLayout Layout(int tokens, bool isPrompt, bool isFirst) => _codec.Layout(
        _geometry.KvHeads, _geometry.HeadDim, tokens, isPrompt ? _compression.PromptRank : _compression.Rank,
        isFirst ? Math.Min(_compression.SinkTokens, tokens - 1) : 0);

    /// <summary>Tokens of the next chunk of a prompt of which <paramref name="tokens"/> are not compressed; 0 for none.</summary>
    /// <param name="tokens">Tokens up to the end of the prompt.</param>
    /// <param name="isLater">Whether an earlier prompt of the sequence has chunks.</param>
    public int NextOfPrompt(int tokens, bool isLater)
    {
        var step = isLater ? BufferTokens : _codec.Backbone == KvBackbone.Kivi ? _codec.GroupSize : 1;
        return Math.Min(tokens / step * step, MostTokens);
    }

    /// <summary>Chunks of <paramref name="capacity"/> tokens at most: only the last piece of the first prompt is short.</summary>
    public int MostChunks(int capacity) => capacity / BufferTokens + 2;

    /// <summary>Units of <see cref="KvChunkLayout.Unit"/> that the chunks of a layer take at most.</summary>
    public int MostUnits(int capacity)
    {
        var density = 0.0;
        for (var tokens = BufferTokens; tokens <= MostTokens; tokens += BufferTokens)
            density = Math.Max(density, Units(tokens) / (double)tokens);
        // The last piece of the first prompt may have any number of tokens.
        var rest = 0.0;
        for (var tokens = 1; tokens < MostTokens; tokens++)
            if (NextOfPrompt(tokens, isLater: false) == tokens) rest = Math.Max(rest, Units(tokens) - density * tokens);
        return checked((int)Math.Ceiling(density * capacity + rest));
    }

    /// <summary>Bytes that <paramref name="length"/> tokens occupy that came one by one: chunks of full buffers, and exact pages.</summary>
    public long SequenceBytes(int length)
    {
        var chunks = length / BufferTokens;
        var bytes = chunks == 0 ? 0
            : Layout(BufferTokens, isPrompt: false, isFirst: true).StoredBytes + (long)(chunks - 1) * Streamed.StoredBytes;
        var pages = KvLayout.Pages(length) - chunks * BufferTokens / KvLayout.PageSize;
        return bytes * _geometry.Layers + _geometry.Bytes(pages);
    }

    /// <summary>The most that a chunk of <paramref name="tokens"/> takes: with exact tokens, and the higher rank.</summary>
    private int Units(int tokens) => Math.Max(
        Layout(tokens, isPrompt: true, isFirst: true).Units, Layout(tokens, isPrompt: false, isFirst: true).Units);
}
