namespace Coppice.Constraints;

/// <summary>How a schema is compiled.</summary>
public sealed record SchemaOptions
{
    /// <summary>Whether "format" refuses texts (true) or says nothing of them (false). Formats that are not known never refuse.</summary>
    public bool AssertFormats { get; init; } = true;

    /// <summary>Whether keywords that cannot be enforced are left out and reported (true) or refuse the schema (false).</summary>
    public bool Lenient { get; init; }

    /// <summary>Whether a schema that no value fits gives a grammar that allows nothing (true) or is refused (false).</summary>
    public bool AllowsNothing { get; init; }

    /// <summary>The draft of schemas that do not name theirs in "$schema".</summary>
    public SchemaDialect DefaultDialect { get; init; } = SchemaDialect.Draft202012;

    /// <summary>Documents that references may mean, JSON by absolute URI; the meta-schemas are always there. Nothing is fetched.</summary>
    public IReadOnlyDictionary<string, string> Documents { get; init; } = NoDocuments;

    // one for all, so that options which name none are equal
    private static readonly Dictionary<string, string> NoDocuments = [];

    /// <summary>Where white space may stand, and how much.</summary>
    public WhiteSpace WhiteSpace { get; init; } = WhiteSpace.Bounded;

    /// <summary>
    /// Whether a number that must be an integer is written without fraction and exponent, as many readers expect it (true), or in any way
    /// that JSON has, 1.0 and 1e2 among them (false).
    /// </summary>
    public bool PlainIntegers { get; init; }

    /// <summary>
    /// Expansions that one question "can this still be completed?" may take; where they run out, the answer is taken to be yes and counted.
    /// </summary>
    public int SatisfiabilityBudget { get; init; } = 4_000;
}

/// <summary>White space between the tokens of JSON.</summary>
public enum WhiteSpace
{
    /// <summary>None.</summary>
    None,

    /// <summary>
    /// In each gap up to 20 characters and two more for each level of nesting, so that indented JSON fits and nothing is endless.
    /// </summary>
    Bounded,

    /// <summary>
    /// One space after each comma and colon and none elsewhere, as most JSON in training data has it: the text has no choice then.
    /// </summary>
    Spaced,
}
