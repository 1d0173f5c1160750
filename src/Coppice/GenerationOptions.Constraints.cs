using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Coppice.Constraints;
using Coppice.Decoding.Constraints;

namespace Coppice;

public sealed partial record GenerationOptions
{
    /// <summary>
    /// A JSON Schema that the text must be an instance of, as JSON; null, the default, for none. Where a schema allows an answer within
    /// <see cref="MaxTokens"/>, the text is whole. See <see cref="SchemaOptions"/>.
    /// </summary>
    public string? Schema { get; init; }
    /// <summary>
    /// How <see cref="Schema"/> is read. By default answers have one space after commas and colons and no other white space, so that most
    /// of what is not content is forced, and integers are written as such.
    /// </summary>
    public SchemaOptions SchemaOptions { get; init; } = new() { WhiteSpace = WhiteSpace.Spaced, PlainIntegers = true };
    /// <summary>A grammar that the text must follow; null, the default, for none.</summary>
    public string? Grammar { get; init; }
    /// <summary>How <see cref="Grammar"/> is written.</summary>
    public GrammarNotation GrammarNotation { get; init; }
    /// <summary>A pattern of ECMA-262 that the whole text must match; null, the default, for none.</summary>
    public string? Regex { get; init; }
    /// <summary>Texts one of which the whole text must be; none, the default, for any text.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];
    /// <summary>
    /// Makes a constraint of the host's own, one for each generation; null, the default, for none. All constraints of a generation hold
    /// together.
    /// </summary>
    /// <remarks>Called on a thread of the pool while the prompt is run. What it makes belongs to the generation.</remarks>
    public Func<TokenVocabulary, ITokenConstraint>? Constraint { get; init; }

    /// <summary>
    /// A text, or a special token, after which <see cref="Schema"/>, <see cref="Grammar"/>, <see cref="Regex"/> and <see cref="Choices"/>
    /// hold: what comes before it is free. Null, the default: they hold from the start.
    /// </summary>
    public string? ConstraintTrigger { get; init; }
    /// <summary>
    /// Tokens and texts that must not be generated, also where the prompt ends within one; null, the default, for none. Make it once and
    /// use it again: it keeps its masks.
    /// </summary>
    public DenyList? Deny { get; init; }

    /// <summary>
    /// What happens where a denied text is about to come: <see cref="DenyPolicy.Mask"/>, the default, takes another token there;
    /// <see cref="DenyPolicy.Backtrack"/> writes the line anew, for a text that judges the line before it. Text then comes line by line,
    /// because a line that is taken back must not have been shown. <see cref="DenyPolicy.PruneBeam"/> is for
    /// <see cref="BeamSearchOptions"/>, which takes no Backtrack: a beam that wants to go on so is given up, unless all would be.
    /// </summary>
    public DenyPolicy DenyPolicy { get; init; }
    /// <summary>Least probability of a denied token at which <see cref="DenyPolicy.Backtrack"/> goes back; 0.5 by default.</summary>
    public double DenyProbability { get; init; } = .5;
    /// <summary>How often <see cref="DenyPolicy.Backtrack"/> writes one line anew; 3 by default.</summary>
    public int DenyRetries { get; init; } = 3;
    /// <summary>
    /// What earlier samples have shown of the constraint, so that this one is drawn as the model itself would draw it among the allowed
    /// texts, instead of token by token (ASAp). Null, the default, for plain masks. All samples with one trie must have the same model,
    /// prompt, constraint and temperature; each must have a <see cref="Seed"/> of its own.
    /// </summary>
    /// <remarks>
    /// Needs a temperature above 0 and nothing else that changes probabilities. Every token takes a pass, without drafts.
    /// </remarks>
    public AsapTrie? Asap { get; init; }

    /// <summary>Whether anything says which texts are allowed.</summary>
    internal bool IsConstrained => NeedsText || Constraint is not null || Deny is not null;

    /// <summary>Whether a schema, a grammar, a pattern or a list says it.</summary>
    internal bool NeedsText => Schema is not null || Grammar is not null || Regex is not null || Choices.Count > 0;

    /// <summary>Compiles what the options say.</summary>
    /// <param name="vocabulary">The model's tokens.</param>
    /// <param name="tokens">Tokens that will be generated at most.</param>
    /// <param name="prompt">What comes before them.</param>
    /// <exception cref="ConstraintException">Something cannot be compiled.</exception>
    internal GenerationRule CreateConstraint(TokenVocabulary vocabulary, int tokens, ReadOnlySpan<int> prompt)
    {
        var parts = new List<ITokenConstraint>();
        if (Schema is not null) parts.Add(Start(JsonSchema.Compile(Schema, vocabulary, SchemaOptions), tokens));
        if (Grammar is not null) parts.Add(Start(Constraints.Grammar.Compile(Grammar, vocabulary, GrammarNotation), tokens));
        if (Regex is not null) parts.Add(Start(RegexGrammar.Compile(Regex, vocabulary), tokens));
        if (Choices.Count > 0) parts.Add(Start(RegexGrammar.Choices(Choices, vocabulary), tokens));
        var deny = Deny?.CreateConstraint(DenyPolicy, prompt, DenyProbability, DenyRetries);
        if (deny is not null) parts.Add(deny);
        if (Constraint is not null) parts.Add(Constraint(vocabulary));
        return new GenerationRule(parts.Count == 1 ? parts[0] : new ConstraintIntersection(vocabulary, parts), deny);
    }

    /// <summary>What an ASAp trie is learned from; what a host's own constraint allows is not known.</summary>
    internal string AsapKey(ReadOnlySpan<byte> model, IReadOnlyList<int> prompt)
    {
        var culture = CultureInfo.InvariantCulture;
        string?[] parts =
        [
            string.Join(',', prompt), Temperature.ToString("R", culture), MaxTokens.ToString(culture), string.Join(',', EndIds),
            Schema, (SchemaOptions with { Documents = new Dictionary<string, string>() }).ToString(),
            .. SchemaOptions.Documents.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => pair.Key + pair.Value),
            Grammar, GrammarNotation.ToString(), Regex, ConstraintTrigger, Deny?.Fingerprint, .. Choices,
        ];
        var text = string.Concat(parts.Select(part => string.Create(culture, $"{part?.Length}:{part}")));
        return Convert.ToHexString(SHA256.HashData([.. model, .. Encoding.UTF8.GetBytes(text)]));
    }

    private ITokenConstraint Start(CompiledGrammar grammar, int tokens) =>
        ConstraintTrigger is null ? grammar.CreateConstraint(tokens) : new TriggeredConstraint(grammar, ConstraintTrigger, tokens);

    internal void CheckConstraints(bool hasTokenizer)
    {
        ArgumentNullException.ThrowIfNull(SchemaOptions);
        ArgumentNullException.ThrowIfNull(Choices);
        if (ConstraintTrigger is "") throw new ArgumentException("options: ConstraintTrigger must not be empty.");
        if (Choices.Any(choice => choice is null)) throw new ArgumentException("options: Choices must not hold null.");
        if (DenyPolicy == DenyPolicy.PruneBeam && Strategy is not BeamSearchOptions)
            throw new ArgumentException(
                "options: DenyPolicy must be Mask or Backtrack without the strategy beam: PruneBeam gives up one of several hypotheses.");
        if (!(DenyProbability is >= 0 and <= 1)) throw Outside(nameof(DenyProbability), "from 0 to 1", DenyProbability);
        if (DenyRetries < 0) throw Outside(nameof(DenyRetries), "at least 0", DenyRetries);
        if (Asap is not null) CheckAsap();
        if (NeedsText && !hasTokenizer)
            throw new ArgumentException("options: Schema, Grammar, Regex and Choices need a tokenizer, but the model's folder has none.");
    }

    private void CheckAsap()
    {
        var changes = MinTokens > 0 || IgnoreEos || Strategy is not null || DynamicTemperatureRange > 0
            || SamplerOrder.Stages.Any(stage => stage != SamplerStage.Temperature && IsSet(stage))
            || (LogProbs is not null && LogProbMode == LogProbMode.Final);
        if (!IsConstrained || Temperature == 0 || changes || DenyPolicy != DenyPolicy.Mask)
            throw new ArgumentException(
                "options: Asap needs a constraint, a temperature above 0, and nothing else that changes probabilities "
                + "(samplers, penalties, biases, a strategy, MinTokens, IgnoreEos, Backtrack, log-probabilities that are final).");
    }
}
