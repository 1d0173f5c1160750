using Coppice.Text.Decoders;

namespace Coppice.Text;

/// <content>From ids to text.</content>
public sealed partial class Tokenizer
{
    private const int PageBits = 8;

    /// <summary>
    /// What decoding knows of each token, in pages by id, made when it is asked for; a page and a token may be made twice.
    /// </summary>
    private readonly DecodedToken?[]?[] _decoded;

    private TextBuffer? _spareText;

    /// <summary>The text of <paramref name="ids"/>; ids that no token has are left out.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    // The overload with more parameters is the base class's, and no call of this one means it.
#pragma warning disable RS0027
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = false)
#pragma warning restore RS0027
    {
        // Who comes while another text is decoded gets a buffer of its own.
        var text = Interlocked.Exchange(ref _spareText, null) ?? new TextBuffer(1024);
        var sequence = NewSequence(text);
        foreach (var id in ids)
            if (Decoded(id) is { } token && !(skipSpecialTokens && token.IsSpecial)) sequence.Push(token);
        sequence.End();
        var result = text.ToString();
        text.Clear();
        if (text.Capacity <= Workspace.MostKept) _spareText = text;
        return result;
    }

    /// <summary>
    /// The bytes that the token adds to a text in which it is neither the first nor the last, which need not be whole UTF-8 characters;
    /// empty for an id that no token has.
    /// </summary>
    public ReadOnlyMemory<byte> TokenBytes(int id) => Form(id) is { } token ? _decoder.MiddleBytes(token) : default;

    internal DecoderChain.Sequence NewSequence(TextBuffer output) => _decoder.NewSequence(output);

    /// <summary>The token that decoding starts from, or null where no token has the id.</summary>
    internal DecodedToken? Decoded(int id)
    {
        if ((uint)id >= (uint)VocabularySize) return null;
        var page = _decoded[id >> PageBits];
        if (page is not null && page[id & ((1 << PageBits) - 1)] is { } known) return known;
        page ??= _decoded[id >> PageBits] = new DecodedToken?[1 << PageBits];
        return page[id & ((1 << PageBits) - 1)] = Form(id) is { } form ? _decoder.Know(form, _added.IsSpecialText(form)) : null;
    }

    private string? Form(int id) => _added.Find(id)?.Form ?? ModelText(id);
}
