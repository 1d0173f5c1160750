using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Coppice.Constraints.Deny;

namespace Coppice.Constraints;

/// <summary>What happens where a denied text is about to come.</summary>
public enum DenyPolicy
{
    /// <summary>Tokens that would complete it are masked.</summary>
    Mask,

    /// <summary>They are masked, and a hypothesis whose best token is one of them is given up.</summary>
    PruneBeam,

    /// <summary>
    /// They are masked, and where one of them would have come with enough probability the line is begun anew with another token.
    /// </summary>
    Backtrack,
}

/// <summary>Where a denied text was about to come.</summary>
/// <param name="Position">Tokens before it.</param>
/// <param name="Label">What was denied: its text, or its ids.</param>
/// <param name="Probability">The probability that the model gave the token that would have completed it.</param>
public sealed record DenyHit(int Position, string Label, double Probability);

/// <summary>What a decoder is to do about a token.</summary>
/// <param name="Action">What to do.</param>
/// <param name="Position">Where to go back to, for <see cref="DenyAction.RollBack"/>.</param>
public readonly record struct DenyDecision(DenyAction Action, int Position);

/// <summary>Ways to go on.</summary>
public enum DenyAction
{
    /// <summary>Go on with what the mask allows.</summary>
    Continue,

    /// <summary>Give this hypothesis up.</summary>
    Reject,

    /// <summary>Go back, and choose another token there.</summary>
    RollBack,
}

/// <summary>
/// Ids, sequences of ids, and texts that must not be generated. Texts are denied byte by byte, however they are split into tokens.
/// </summary>
/// <remarks>Immutable and safe for concurrent use; masks are kept for all constraints made of it.</remarks>
public sealed class DenyList
{
    private readonly Dictionary<(int Bytes, int Ids), ulong[]> _masks = [];
    private readonly HashSet<int> _ids;
    private readonly TokenBox?[] _boxes;
    private readonly string[] _byteLabels;
    private readonly string[] _sequenceLabels;

    /// <summary>Denies all of these; end ids are never denied.</summary>
    /// <param name="vocabulary">The tokens.</param>
    /// <param name="ids">Ids that must not come, or null.</param>
    /// <param name="sequences">Sequences of ids that must not come whole, or null.</param>
    /// <param name="texts">Texts that must not come, or null.</param>
    /// <exception cref="ArgumentException">An id is not in the vocabulary, or a sequence or text is empty.</exception>
    public DenyList(
        TokenVocabulary vocabulary,
        IEnumerable<int>? ids = null,
        IEnumerable<IReadOnlyList<int>>? sequences = null,
        IEnumerable<string>? texts = null)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        Vocabulary = vocabulary;
        _boxes = new TokenBox[vocabulary.Count];
        _ids = [.. ids ?? []];
        var lists = (sequences ?? []).ToArray();
        _byteLabels = [.. texts ?? []];
        _sequenceLabels = [.. lists.Select(list => string.Join(',', list))];
        if (_ids.Concat(lists.SelectMany(list => list)).FirstOrDefault(id => id < 0 || id >= vocabulary.Count, -1) is var wrong
            && wrong != -1)
            throw new ArgumentException($"deny list: ids must be below {vocabulary.Count:N0}, found {wrong}.", nameof(ids));
        if (lists.Any(list => list.Count == 0) || _byteLabels.Any(text => text.Length == 0))
            throw new ArgumentException("deny list: sequences and texts must not be empty, found one that is.", nameof(texts));
        Sequences = new AhoCorasick<int>(lists);
        Bytes = new AhoCorasick<byte>([.. _byteLabels.Select(text => (IReadOnlyList<byte>)Encoding.UTF8.GetBytes(text))]);
    }

    /// <summary>A hash of what is denied; lists that deny the same in the same order have equal fingerprints.</summary>
    public string Fingerprint
    {
        get
        {
            IEnumerable<string> parts = [string.Join(',', _ids), .. _sequenceLabels, "texts", .. _byteLabels];
            var text = string.Concat(parts.Select(part => string.Create(CultureInfo.InvariantCulture, $"{part.Length}:{part}")));
            return Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
        }
    }

    internal TokenVocabulary Vocabulary { get; }

    internal AhoCorasick<int> Sequences { get; }

    internal AhoCorasick<byte> Bytes { get; }

    /// <summary>
    /// A constraint at the start of a sequence, or after <paramref name="prompt"/>, whose end may be the beginning of a denied text.
    /// </summary>
    /// <param name="policy">What happens at a denied text.</param>
    /// <param name="prompt">Tokens before the sequence.</param>
    /// <param name="backtrackProbability">Least probability at which <see cref="DenyPolicy.Backtrack"/> goes back.</param>
    /// <param name="mostRetries">How often it begins one line anew.</param>
    public DenyConstraint CreateConstraint(
        DenyPolicy policy = DenyPolicy.Mask, ReadOnlySpan<int> prompt = default, double backtrackProbability = .5, int mostRetries = 3) =>
        new(this, policy, prompt) { BacktrackProbability = backtrackProbability, MostRetries = mostRetries };

    /// <summary>A token as the node of a state.</summary>
    internal TokenBox BoxOf(int token) => _boxes[token] ??= new TokenBox(token);

    /// <summary>What <paramref name="token"/> would complete; null where nothing.</summary>
    internal string? LabelOf(int bytes, int ids, int token)
    {
        if (Vocabulary.IsEnd(token)) return null;
        if (_ids.Contains(token)) return token.ToString(CultureInfo.InvariantCulture);
        if (Sequences.Hit(Sequences.Step(ids, token)) is var sequence and >= 0) return _sequenceLabels[sequence];
        foreach (var value in Vocabulary.BytesOf(token))
        {
            bytes = Bytes.Step(bytes, value);
            if (Bytes.Hit(bytes) is var text and >= 0) return _byteLabels[text];
        }
        return null;
    }

    /// <summary>The mask of a state; found once.</summary>
    internal ulong[] MaskOf(int bytes, int ids)
    {
        lock (_masks)
        {
            if (_masks.TryGetValue((bytes, ids), out var known)) return known;
            var mask = new ulong[Vocabulary.MaskWords];
            for (var token = 0; token < Vocabulary.Count; token++)
                if (LabelOf(bytes, ids, token) is null) mask[token >> 6] |= 1UL << token;
            if (_masks.Count > 1_024) _masks.Clear();
            return _masks[(bytes, ids)] = mask;
        }
    }
}

/// <summary>A token as an object.</summary>
internal sealed record TokenBox(int Token);
