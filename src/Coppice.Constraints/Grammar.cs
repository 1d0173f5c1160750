using Coppice.Constraints.Grammars;

namespace Coppice.Constraints;

/// <summary>A notation of grammars.</summary>
public enum GrammarNotation
{
    /// <summary>GBNF, the notation of llama.cpp; the root is the rule "root".</summary>
    Gbnf,

    /// <summary>EBNF of ISO 14977; the root is the first rule.</summary>
    Ebnf,

    /// <summary>A part of Lark's notation; the root is the rule "start".</summary>
    Lark,
}

/// <summary>Compiles context-free grammars to constraints. Left recursion and ambiguity are allowed.</summary>
public static class Grammar
{
    /// <summary>Longest grammar text, in characters.</summary>
    public const int LongestGrammar = 1 << 20;

    private static readonly GrammarCache Cache = new();

    /// <summary>The grammar of all texts that <paramref name="grammar"/> describes.</summary>
    /// <param name="grammar">The rules.</param>
    /// <param name="vocabulary">The tokens.</param>
    /// <param name="notation">How the rules are written.</param>
    /// <exception cref="ConstraintException">The text is malformed or too large, a rule is missing, or there is no text that
    /// fits.</exception>
    public static CompiledGrammar Compile(string grammar, TokenVocabulary vocabulary, GrammarNotation notation = GrammarNotation.Gbnf)
    {
        ArgumentNullException.ThrowIfNull(grammar);
        ArgumentNullException.ThrowIfNull(vocabulary);
        if (grammar.Length > LongestGrammar)
            throw new ConstraintException($"grammar: must have at most {LongestGrammar:N0} characters, found {grammar.Length:N0}.");
        return Cache.GetOrAdd($"grammar {notation} {vocabulary.CacheKey} {grammar}", () => CompileNew(grammar, vocabulary, notation));
    }

    internal static CompiledGrammar CompileNew(string grammar, TokenVocabulary vocabulary, GrammarNotation notation, bool keepsMasks = true)
    {
        var root = notation == GrammarNotation.Lark ? "start" : "root";
        var rules = notation switch
        {
            GrammarNotation.Gbnf => new GbnfReader(grammar, vocabulary).Read(),
            GrammarNotation.Ebnf => new EbnfReader(grammar).Read(out root),
            _ => new LarkReader(grammar).Read(),
        };
        return new CompiledGrammar(new EarleyAutomaton(new GrammarNetwork(rules, root)), vocabulary, new CompileReport(), keepsMasks);
    }
}
