using System.Text.Json;
using Coppice.Constraints.Schemas;

namespace Coppice.Constraints;

/// <summary>Compiles JSON Schemas to constraints.</summary>
public static class JsonSchema
{
    /// <summary>Longest schema text, in characters.</summary>
    public const int LongestSchema = 4 << 20;

    private static readonly GrammarCache Cache = new();

    /// <summary>
    /// The grammar of all JSON texts that a schema accepts, members in any order. Equal schemas with equal options for equal vocabularies
    /// give the same grammar while it is in use or recently was.
    /// </summary>
    /// <param name="schema">The schema, as JSON.</param>
    /// <param name="vocabulary">The tokens.</param>
    /// <param name="options">How to read it; null for the defaults.</param>
    /// <exception cref="ConstraintException">It is no schema, allows no value, or asks for what cannot be enforced while options are
    /// strict.</exception>
    public static CompiledGrammar Compile(string schema, TokenVocabulary vocabulary, SchemaOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(vocabulary);
        options ??= new SchemaOptions();
        if (schema.Length > LongestSchema)
            throw new ConstraintException($"schema: must have at most {LongestSchema:N0} characters, found {schema.Length:N0}.");
        return Cache.GetOrAdd($"schema {vocabulary.CacheKey} {KeyOf(options)} {schema}", () => CompileNew(schema, vocabulary, options));
    }

    /// <summary>The shortest instance that was found for a schema's grammar; null where none was.</summary>
    /// <param name="grammar">What <see cref="Compile"/> has returned.</param>
    public static string? Example(CompiledGrammar grammar)
    {
        ArgumentNullException.ThrowIfNull(grammar);
        return grammar.Ending(grammar.Automaton.Start) is { } bytes ? System.Text.Encoding.UTF8.GetString(bytes) : null;
    }

    /// <summary>Compiles without looking into the cache.</summary>
    internal static CompiledGrammar CompileNew(string schema, TokenVocabulary vocabulary, SchemaOptions options, bool keepsMasks = true,
        bool usesSlices = true)
    {
        var compiler = new SchemaCompiler(options);
        var (root, dialect) = compiler.Compile(SchemaRegistry.ParseJson(schema, "schema"));
        var automaton = new SchemaAutomaton(compiler, root, vocabulary);
        return new CompiledGrammar(automaton, vocabulary, new CompileReport { Dialect = dialect, NotEnforced = compiler.NotEnforced },
            keepsMasks, usesSlices);
    }

    internal static string KeyOf(SchemaOptions options) =>
        $"{options.AssertFormats} {options.Lenient} {options.AllowsNothing} {options.DefaultDialect} {options.WhiteSpace} "
        + $"{options.PlainIntegers} {options.SatisfiabilityBudget} "
        + JsonSerializer.Serialize(options.Documents.OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => $"{pair.Key}\n{pair.Value}").ToArray(), KeyJson.Default.StringArray);
}

[System.Text.Json.Serialization.JsonSerializable(typeof(string[]))]
internal sealed partial class KeyJson : System.Text.Json.Serialization.JsonSerializerContext;
