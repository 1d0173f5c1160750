using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Coppice.Execution;
using Coppice.Models;
using Coppice.Text;

namespace Coppice.Drafting;

/// <summary>What a drafter may know of the model that it drafts for.</summary>
/// <remarks>
/// One for each model and scope. Tables are held as long as their scope is alive, and no longer than the model. Thread-safe.
/// </remarks>
internal sealed class DraftContext
{
    private readonly ConditionalWeakTable<CacheScope, ScopeTables> _scopes = [];
    private readonly Lazy<byte[]> _fingerprint;
    private readonly ConcurrentDictionary<string, bool> _refused = [];      // names of heads that were found and cannot be used
    private readonly Func<string, bool, ModelRunner> _openDraft;
    private readonly Func<HeadKind?, string, string?, bool, DraftHeads?> _openHeads;

    /// <summary>Describes a model.</summary>
    /// <param name="tokenizer">Its tokenizer, or null for none.</param>
    /// <param name="openDraft">Opens a draft model by its folder and whether it is quantised: <see cref="OpenDraft"/>.</param>
    /// <param name="openHeads">Opens draft heads: <see cref="OpenHeads"/>.</param>
    public DraftContext(
        Tokenizer? tokenizer, Func<string, bool, ModelRunner> openDraft, Func<HeadKind?, string, string?, bool, DraftHeads?> openHeads)
    {
        _fingerprint = new Lazy<byte[]>(() => Drafting.TokenizerFingerprint.Of(tokenizer));
        (_openDraft, _openHeads) = (openDraft, openHeads);
        Tables = _scopes.GetOrCreateValue(CacheScope.Default);
    }

    private DraftContext(DraftContext other, ScopeTables tables)
    {
        (_scopes, _fingerprint, Tables) = (other._scopes, other._fingerprint, tables);
        (_openDraft, _openHeads, _refused) = (other._openDraft, other._openHeads, other._refused);
    }

    /// <summary>Entries of the vocabulary: ids are below it.</summary>
    public required int VocabularySize { get; init; }
    /// <summary>Tokens of a session at most, prompt and generated.</summary>
    public required int MaxTokens { get; init; }
    /// <summary>Width of a hidden state.</summary>
    public required int HiddenSize { get; init; }
    /// <summary>Folder of the model's files.</summary>
    public required string Folder { get; init; }
    /// <summary>Hash of the tokenizer's texts, which binds datastores to it; computed when it is first asked for.</summary>
    public ReadOnlySpan<byte> TokenizerFingerprint => _fingerprint.Value;

    /// <summary>Tables that the drafters of the model share within the scope.</summary>
    public ScopeTables Tables { get; }

    /// <summary>The same model for the sessions of <paramref name="scope"/>, which share no tables with those of another.</summary>
    public DraftContext In(CacheScope scope) => new(this, _scopes.GetOrCreateValue(scope))
    {
        VocabularySize = VocabularySize,
        MaxTokens = MaxTokens,
        HiddenSize = HiddenSize,
        Folder = Folder,
    };

    /// <summary>Drops the tables of all scopes; drafters that there are keep theirs.</summary>
    public void Clear()
    {
        Tables.Clear();
        _scopes.Clear();
    }

    /// <summary>
    /// The draft model in <paramref name="folder"/>, on the same device; loaded once, and disposed with the model that it drafts for.
    /// </summary>
    /// <param name="folder">Where it is.</param>
    /// <param name="quantized">Whether it is kept in 8 bits on the CPU where the model itself is kept as stored.</param>
    /// <exception cref="CheckpointException">A file is missing or malformed, or the model has other tokens.</exception>
    public ModelRunner OpenDraft(string folder, bool quantized) => _openDraft(folder, quantized);

    /// <summary>Draft heads for the model, on its device; loaded once, and disposed with the model.</summary>
    /// <param name="kind">Which kind; null for whichever the folder holds.</param>
    /// <param name="name">The drafter's name, by which they are looked for.</param>
    /// <param name="folder">Where they are; null to look for them.</param>
    /// <param name="quantized">Whether they are kept in 8 bits where that is faster.</param>
    /// <returns>Null where none are found.</returns>
    /// <exception cref="CheckpointException">They are of another kind or for another model, or a file is malformed.</exception>
    public DraftHeads? OpenHeads(HeadKind? kind, string name, string? folder, bool quantized) => _openHeads(kind, name, folder, quantized);

    /// <summary>
    /// The same for who has not asked for heads: null also where those that are found cannot be used, which is looked at once for a model.
    /// </summary>
    public DraftHeads? FindHeads(HeadKind kind, string name)
    {
        if (_refused.ContainsKey(name)) return null;
        try
        {
            return OpenHeads(kind, name, folder: null, quantized: true);
        }
        catch (CheckpointException)
        {
            _refused[name] = true;
            return null;
        }
    }
}
