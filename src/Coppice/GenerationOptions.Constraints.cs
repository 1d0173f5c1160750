using Coppice.Constraints;

namespace Coppice;

public sealed partial record GenerationOptions
{
    /// <summary>
    /// A JSON Schema that the text must be an instance of, as JSON; null, the default, for none. Where a schema allows an answer within
    /// <see cref="MaxTokens"/>, the text is whole. See <see cref="SchemaOptions"/>.
    /// </summary>
    public string? Schema { get; init; }
    /// <summary>How <see cref="Schema"/> is read.</summary>
    public SchemaOptions SchemaOptions { get; init; } = new();
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

    /// <summary>Whether anything says which texts are allowed.</summary>
    internal bool IsConstrained => NeedsText || Constraint is not null;

    private bool NeedsText => Schema is not null || Grammar is not null || Regex is not null || Choices.Count > 0;

    /// <summary>Compiles what the options say.</summary>
    /// <param name="vocabulary">The model's tokens.</param>
    /// <param name="tokens">Tokens that will be generated at most.</param>
    /// <exception cref="ConstraintException">Something cannot be compiled.</exception>
    internal ITokenConstraint CreateConstraint(TokenVocabulary vocabulary, int tokens)
    {
        var parts = new List<ITokenConstraint>();
        if (Schema is not null) parts.Add(JsonSchema.Compile(Schema, vocabulary, SchemaOptions).CreateConstraint(tokens));
        if (Grammar is not null) parts.Add(Constraints.Grammar.Compile(Grammar, vocabulary, GrammarNotation).CreateConstraint(tokens));
        if (Regex is not null) parts.Add(RegexGrammar.Compile(Regex, vocabulary).CreateConstraint(tokens));
        if (Choices.Count > 0) parts.Add(RegexGrammar.Choices(Choices, vocabulary).CreateConstraint(tokens));
        if (Constraint is not null) parts.Add(Constraint(vocabulary));
        return parts.Count == 1 ? parts[0] : new ConstraintIntersection(vocabulary, parts);
    }

    internal void CheckConstraints(bool hasTokenizer)
    {
        ArgumentNullException.ThrowIfNull(SchemaOptions);
        ArgumentNullException.ThrowIfNull(Choices);
        if (Choices.Any(choice => choice is null)) throw new ArgumentException("options: Choices must not hold null.");
        if (NeedsText && !hasTokenizer)
            throw new ArgumentException("options: Schema, Grammar, Regex and Choices need a tokenizer, but the model's folder has none.");
    }
}
