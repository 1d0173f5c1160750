using Coppice.Constraints.Frames;
using Coppice.Constraints.Schemas;

namespace Coppice.Constraints;

/// <summary>A JSON value of a schema between two fixed texts.</summary>
/// <param name="Before">What comes right before it.</param>
/// <param name="Schema">The schema, as JSON.</param>
/// <param name="After">What comes right after it.</param>
public sealed record FramedValue(string Before, string Schema, string After = "");

/// <summary>Fixed texts with JSON values in them, one of several at each place: the calls of functions in an answer.</summary>
/// <remarks>
/// The texts are <c>Open value (Separator value)* Close</c>, the part in brackets only where <see cref="Repeats"/> holds. Names of special
/// tokens in <see cref="Tokens"/> stand for those tokens where the vocabulary has them as such, and else for their letters.
/// </remarks>
public sealed record FramedValues
{
    private static readonly GrammarCache Cache = new();

    /// <summary>The values, at least one; no two may begin alike where the one's text is the whole beginning of the other's.</summary>
    public required IReadOnlyList<FramedValue> Values { get; init; }
    /// <summary>Comes first.</summary>
    public string Open { get; init; } = "";
    /// <summary>Stands between two values.</summary>
    public string Separator { get; init; } = "";
    /// <summary>Comes last.</summary>
    public string Close { get; init; } = "";
    /// <summary>Whether there may be more than one value.</summary>
    public bool Repeats { get; init; }
    /// <summary>A schema whose values are whole texts of their own, beside all of the above; null for none.</summary>
    public string? Alternative { get; init; }
    /// <summary>Names of special tokens that stand in the texts.</summary>
    public IReadOnlyList<string> Tokens { get; init; } = [];

    /// <summary>The grammar of these texts.</summary>
    /// <param name="vocabulary">The tokens.</param>
    /// <param name="options">How the schemas are read; null for the defaults.</param>
    /// <exception cref="ConstraintException">
    /// A schema is none or cannot be enforced, there is no value, or texts cannot be told apart.
    /// </exception>
    public CompiledGrammar Compile(TokenVocabulary vocabulary, SchemaOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        options ??= new SchemaOptions();
        if (Values.Count == 0) throw new ConstraintException("frame: must have at least one value, found none.");
        string[] parts =
        [
            Open, Separator, Close, Repeats ? "+" : "1", Alternative ?? "-", string.Join(' ', Tokens),
            .. Values.SelectMany(value => (string[])[value.Before, value.Schema, value.After]),
        ];
        var key = string.Concat(parts.Select(part => $"{part.Length}:{part}"));
        return Cache.GetOrAdd($"frame {vocabulary.CacheKey} {JsonSchema.KeyOf(options)} {key}", () =>
            Compile(vocabulary, options, keepsMasks: true));
    }

    private CompiledGrammar Compile(TokenVocabulary vocabulary, SchemaOptions options, bool keepsMasks)
    {
        var notEnforced = new List<UnenforcedKeyword>();
        var values = Values.Select(value => Automaton(value.Schema)).ToList();
        var frames = new FrameTrie(vocabulary, Tokens);
        var start = frames.NewRoot();
        for (var i = 0; i < Values.Count; i++) frames.Add(start, Open + Values[i].Before, i);
        if (Alternative is not null)
        {
            frames.Add(start, "", values.Count);
            values.Add(Automaton(Alternative));
        }
        var after = Values.Select(value =>
        {
            var root = frames.NewRoot();
            frames.Add(root, value.After + Close, FrameNode.Accepts);
            for (var i = 0; Repeats && i < Values.Count; i++) frames.Add(root, value.After + Separator + Values[i].Before, i);
            return root;
        }).ToList();
        if (Alternative is not null)
        {
            var root = frames.NewRoot();
            frames.Add(root, "", FrameNode.Accepts);
            after.Add(root);
        }
        var automaton = new FrameAutomaton(frames, start, [.. values], [.. after]);
        return new CompiledGrammar(automaton, vocabulary, new CompileReport { NotEnforced = notEnforced }, keepsMasks);

        SchemaAutomaton Automaton(string schema)
        {
            var compiler = new SchemaCompiler(options);
            var (root, _) = compiler.Compile(SchemaRegistry.ParseJson(schema, "schema"));
            notEnforced.AddRange(compiler.NotEnforced);
            return new SchemaAutomaton(compiler, root, vocabulary);
        }
    }
}
