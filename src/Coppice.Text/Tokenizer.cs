using System.Runtime.InteropServices;
using System.Text;
using Coppice.Text.Decoders;
using Coppice.Text.Files;
using Coppice.Text.Normalizers;
using Coppice.Text.PreTokenizers;
using Coppice.Text.Processors;
using Coppice.Text.TokenModels;
using Microsoft.ML.Tokenizers;
using Normalizer = Coppice.Text.Normalizers.Normalizer;
using PreTokenizer = Coppice.Text.PreTokenizers.PreTokenizer;

namespace Coppice.Text;

/// <summary>Turns text into token ids and back, as the files of a checkpoint say.</summary>
/// <remarks>
/// Immutable and safe for concurrent use. It is a <see cref="Microsoft.ML.Tokenizers.Tokenizer"/>, so whatever takes one takes it. The
/// members of that class encode the text alone, as <see cref="Encode(string, bool)"/> does without special tokens. Offsets count in the
/// text as
/// given where the normalized text is null, else in the normalized text; a token that is part of a character has the offsets of the whole,
/// and where a text is cut after a number of tokens no character is.
/// </remarks>
public sealed partial class Tokenizer : Microsoft.ML.Tokenizers.Tokenizer
{
    private static readonly EncodeSettings AllSteps = new() { ConsiderNormalization = true, ConsiderPreTokenization = true };

    /// <summary>In the order in which transformers replaces them.</summary>
    private static readonly (string Found, string Kept)[] SpacesBefore =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"),
        (" 're", "'re"),
    ];

    private readonly TokenModel _model;
    private readonly Normalizer? _normalizer;
    private readonly PreTokenizer[] _preTokenizers;
    private readonly PostProcessor _postProcessor;
    private readonly DecoderChain _decoder;
    private readonly AddedTokens _added;

    internal Tokenizer(TokenizerParts parts)
    {
        _model = parts.Model;
        _normalizer = parts.Normalizer;
        _preTokenizers = [.. parts.PreTokenizers];
        _textCut = parts.Words ?? (TextCut?)SpaceCut.For(parts.Normalizer, parts.PreTokenizers);
        if (_textCut is not null && (_cores = parts.Added.Normalized.Cores(_textCut)) is null) _textCut = null;
        _parts = _textCut is null ? null : new PieceCache(bits: 16);
        _postProcessor = parts.PostProcessor;
        _decoder = parts.Decoder;
        _added = parts.Added;
        SpecialTokens = parts.SpecialTokens;
        ChatTemplate = parts.ChatTemplates.GetValueOrDefault("default");
        ChatTemplates = parts.ChatTemplates;
        MaxLength = parts.MaxLength;
        CleansUpSpaces = parts.CleansUpSpaces;
        Warnings = parts.Warnings;
        VocabularySize = Math.Max(Math.Max(_model.Vocabulary.IdCount, _added.IdCount), _postProcessor.IdCount);
        _decoded = new DecodedToken?[]?[(VocabularySize >> PageBits) + 1];
    }

    /// <summary>
    /// One more than the largest id, those that only the frame of a text has included: how many logits a model for this tokenizer needs.
    /// </summary>
    public int VocabularySize { get; }

    /// <summary>The tokens that the checkpoint gives a role: beginning, end, padding, unknown.</summary>
    public SpecialTokens SpecialTokens { get; }

    /// <summary>The chat template for ordinary use, as written in the checkpoint, or null.</summary>
    public string? ChatTemplate { get; }

    /// <summary>All chat templates by name; the one for ordinary use is called "default".</summary>
    public IReadOnlyDictionary<string, string> ChatTemplates { get; }

    /// <summary>
    /// Tokens that a text may have, as model_max_length of tokenizer_config.json says; null where it says none. Nothing is cut to it.
    /// </summary>
    public int? MaxLength { get; }

    /// <summary>
    /// Whether clean_up_tokenization_spaces of tokenizer_config.json asks that spaces before punctuation are removed from decoded texts.
    /// <see cref="Decode(ReadOnlySpan{int}, bool)"/> does not do it, because texts that are decoded bit by bit cannot; see
    /// <see cref="CleanUpSpaces"/>.
    /// </summary>
    public bool CleansUpSpaces { get; }

    /// <summary>What is odd in the files and was read otherwise or left out, a sentence each.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>
    /// <paramref name="text"/> without the spaces before <c>. ? ! ,</c>, around a lone apostrophe, and before <c>n't 'm 's 've 're</c>:
    /// what transformers makes of a decoded text where <see cref="CleansUpSpaces"/> is true (clean_up_tokenization).
    /// </summary>
    public static string CleanUpSpaces(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        foreach (var (found, kept) in SpacesBefore) text = text.Replace(found, kept, StringComparison.Ordinal);
        return text;
    }

    /// <summary>Reads the tokenizer of the checkpoint in <paramref name="folder"/>, which may be a hub's cache of one model.</summary>
    /// <exception cref="CheckpointException">A file is missing or malformed.</exception>
    /// <exception cref="UnsupportedModelException">A file is well formed but asks for something that is not supported.</exception>
    public static Tokenizer Load(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return TokenizerFolder.Load(folder);
    }

    /// <summary>The ids of <paramref name="text"/>.</summary>
    /// <param name="text">Any text; half a surrogate pair counts as U+FFFD.</param>
    /// <param name="addSpecialTokens">Whether to frame the text as the checkpoint's post-processor says, for example with a beginning
    /// token.</param>
    public int[] Encode(string text, bool addSpecialTokens = true)
    {
        var ids = new List<int>();
        Encode(text, ids, addSpecialTokens);
        return [.. ids];
    }

    /// <summary>Appends the ids of <paramref name="text"/> to <paramref name="destination"/>.</summary>
    public void Encode(string text, List<int> destination, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(destination);
        var work = Borrow();
        Tokenize(text, work.Ids, work);
        _postProcessor.Apply(work.Ids, addSpecialTokens, destination);
        GiveBack(work);
    }

    /// <summary>
    /// The ids of <paramref name="text"/> without its marks. Added tokens are looked for while the marks stand in it, so what a mark
    /// interrupts is text.
    /// </summary>
    internal int[] EncodeMarked(string text, char mark)
    {
        var work = Borrow();
        Tokenize(text, work.Ids, work, mark);
        int[] ids = [.. work.Ids];
        GiveBack(work);
        return ids;
    }

    /// <summary>What special tokens are written as, and those of <paramref name="others"/> that are added tokens.</summary>
    internal IReadOnlyList<string> ControlTexts(IEnumerable<string> others) =>
    [
        .. _added.All.Where(token => token.Special).Select(token => token.Content)
            .Concat(others.Where(text => _added.IdOf(text) is not null)).Where(text => text.Length > 1).Distinct(),
    ];

    /// <summary>
    /// The ids of <paramref name="text"/> framed with special tokens, at most <paramref name="maxTokens"/> of them: of a longer text the
    /// end is left out, and the frame stays.
    /// </summary>
    /// <param name="text">Any text.</param>
    /// <param name="maxTokens">At least as many as the frame has.</param>
    /// <param name="isTruncated">Whether something was left out.</param>
    internal int[] EncodeWithin(string text, int maxTokens, out bool isTruncated)
    {
        var ids = new List<int>(text.Length / 4 + 8);
        var work = Borrow();
        Tokenize(text, ids, work);
        GiveBack(work);
        var framed = new List<int>(ids.Count + 8);
        _postProcessor.Apply(ids, addSpecialTokens: true, framed);
        isTruncated = framed.Count > maxTokens;
        if (!isTruncated) return [.. framed];
        var frame = new List<int>();
        _postProcessor.Apply([], addSpecialTokens: true, frame);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxTokens, frame.Count);
        var copies = (framed.Count - frame.Count) / ids.Count;      // a template may hold the text more than once
        ids.RemoveRange((maxTokens - frame.Count) / copies, ids.Count - (maxTokens - frame.Count) / copies);
        framed.Clear();
        _postProcessor.Apply(ids, addSpecialTokens: true, framed);
        return [.. framed];
    }

    /// <summary>The token with this id as the vocabulary writes it, or null.</summary>
    public string? TokenText(int id) => _added.Find(id)?.Content ?? ModelText(id);

    /// <summary>The id of a token as the vocabulary writes it, or null.</summary>
    public int? IdOf(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return _added.IdOf(token) ?? (_model.Vocabulary.TryFind(token, out var id) ? id : null);
    }

    /// <summary>Whether every id stands for the same token in <paramref name="other"/>.</summary>
    internal bool HasTokensOf(Tokenizer other)
    {
        if (VocabularySize != other.VocabularySize) return false;
        for (var id = 0; id < VocabularySize; id++)
        {
            if (TokenText(id) != other.TokenText(id)) return false;
        }
        return true;
    }

    /// <summary>Whether the id is that of a special token: one that stands for no text.</summary>
    public bool IsSpecial(int id) => _added.Find(id) is { Special: true };

    /// <summary>Whether the token stands beside the vocabulary of the model and is looked for in texts first.</summary>
    internal bool IsAdded(int id) => _added.Find(id) is not null;

    private string? ModelText(int id) => _model.Vocabulary.TryText(id, out var token) ? Encoding.UTF8.GetString(token) : null;
}
