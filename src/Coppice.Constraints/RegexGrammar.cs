using Coppice.Constraints.Languages;

namespace Coppice.Constraints;

/// <summary>Compiles regular expressions and lists of choices to constraints.</summary>
public static class RegexGrammar
{
    private static readonly GrammarCache Cache = new();

    /// <summary>The grammar of all texts that <paramref name="pattern"/> matches from the first character to the last.</summary>
    /// <param name="pattern">A pattern of ECMA-262; look-ahead is supported, look-behind, word boundaries and back-references are
    /// not.</param>
    /// <param name="vocabulary">The tokens.</param>
    /// <exception cref="ConstraintException">The pattern is malformed, not supported, or matches nothing.</exception>
    public static CompiledGrammar Compile(string pattern, TokenVocabulary vocabulary)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        ArgumentNullException.ThrowIfNull(vocabulary);
        return Cache.GetOrAdd($"regex {vocabulary.CacheKey} {pattern}", () =>
        {
            var automata = new TextAutomata();
            return Of(automata, automata.Compiler.Whole(PatternParser.Parse(pattern)), vocabulary, "regex");
        });
    }

    /// <summary>The grammar of exactly <paramref name="choices"/>.</summary>
    /// <param name="choices">The texts, at least one.</param>
    /// <param name="vocabulary">The tokens.</param>
    /// <exception cref="ConstraintException">There is none.</exception>
    public static CompiledGrammar Choices(IEnumerable<string> choices, TokenVocabulary vocabulary)
    {
        ArgumentNullException.ThrowIfNull(choices);
        ArgumentNullException.ThrowIfNull(vocabulary);
        var texts = choices.ToArray();
        if (texts.Length == 0) throw new ConstraintException("choices: must be at least one text, found none.");
        var key = string.Concat(texts.Select(text => $"{text.Length}:{text}"));
        return Cache.GetOrAdd($"choices {vocabulary.CacheKey} {key}", () =>
        {
            var automata = new TextAutomata();
            return Of(automata, automata.Algebra.Literals(texts), vocabulary, "choices");
        });
    }

    private static CompiledGrammar Of(TextAutomata automata, RegexNode node, TokenVocabulary vocabulary, string name) =>
        new(new TextAutomaton(automata.State(node), name), vocabulary, new CompileReport());
}
