using System.Text.Json;

namespace Coppice.Constraints;

/// <summary>A schema with instances that it must accept or refuse: a line of a file as golden/jsonschema has them.</summary>
/// <param name="Schema">The schema, as JSON.</param>
/// <param name="Instances">The instances, as JSON.</param>
/// <param name="Documents">Documents that references may mean, JSON by URI.</param>
public sealed record SchemaCase(string Schema, IReadOnlyList<string> Instances, IReadOnlyDictionary<string, string> Documents);

/// <summary>What became of a <see cref="SchemaCase"/>.</summary>
/// <param name="Error">Why the schema was not compiled; null where it was.</param>
/// <param name="Accepted">For each instance whether the masks let it through in all its forms; empty where the schema was not compiled.</param>
/// <param name="CompileNanoseconds">Time to compile.</param>
/// <param name="FirstMaskNanoseconds">Time of the first mask after that.</param>
/// <param name="UnknownStates">States that were taken to be completable because finding out took too long.</param>
public sealed record SchemaOutcome(string? Error, IReadOnlyList<bool> Accepted, long CompileNanoseconds, long FirstMaskNanoseconds, int UnknownStates);

/// <summary>
/// Runs instances through the masks of their schemas token by token, as a model would write them. An instance counts as accepted where
/// every token is allowed by the mask before it and the end is allowed after the last, in each of three forms: compact, with a space
/// after commas and colons, and indented by two.
/// </summary>
/// <param name="vocabulary">The tokens.</param>
/// <param name="encode">From text to token ids, without special tokens.</param>
/// <param name="nanoseconds">A clock: CPU time of the thread where there is one.</param>
/// <param name="options">How schemas are read; the documents of each case are added.</param>
public sealed class SchemaSuite(TokenVocabulary vocabulary, Func<string, IReadOnlyList<int>> encode, Func<long> nanoseconds, SchemaOptions options)
{
    private readonly ulong[] _mask = new ulong[vocabulary.MaskWords];
    private readonly List<long> _maskTimes = [];
    private readonly List<long> _commitTimes = [];

    /// <summary>Time of each mask so far, in nanoseconds, the first of each schema among them.</summary>
    public IReadOnlyList<long> MaskNanoseconds => _maskTimes;

    /// <summary>Time of each token taken so far, in nanoseconds.</summary>
    public IReadOnlyList<long> CommitNanoseconds => _commitTimes;

    /// <summary>Runs one case.</summary>
    public SchemaOutcome Run(SchemaCase schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        var start = nanoseconds();
        CompiledGrammar grammar;
        try
        {
            grammar = JsonSchema.CompileNew(schema.Schema, vocabulary, options with { Documents = schema.Documents, AllowsNothing = true });
        }
        catch (ConstraintException error)
        {
            return new SchemaOutcome(error.Message, [], nanoseconds() - start, 0, 0);
        }
        var compiled = nanoseconds();
        grammar.CreateConstraint().FillMask(_mask);
        var first = nanoseconds() - compiled;
        try
        {
            var accepted = schema.Instances.Select(instance => FormsOf(instance).All(form => Accepts(grammar, form))).ToArray();
            return new SchemaOutcome(null, accepted, compiled - start, first, grammar.UnknownStates);
        }
        catch (ConstraintException error)
        {
            return new SchemaOutcome(error.Message, [], compiled - start, first, 0);
        }
    }

    /// <summary>The value at a share of the sorted times, in microseconds; 0 where there are none.</summary>
    public static double Percentile(IReadOnlyList<long> times, double share)
    {
        ArgumentNullException.ThrowIfNull(times);
        if (times.Count == 0) return 0;
        var sorted = times.Order().ToArray();
        return sorted[Math.Min((int)(share * sorted.Length), sorted.Length - 1)] / 1000.0;
    }

    private static string[] FormsOf(string instance)
    {
        var value = Schemas.SchemaRegistry.ParseJson(instance, "instance");
        return [JsonForms.Compact(value), JsonForms.Spaced(value), JsonForms.Indented(value)];
    }

    private bool Accepts(CompiledGrammar grammar, string text)
    {
        var constraint = grammar.CreateConstraint();
        foreach (var token in encode(text))
        {
            if (!Masked(constraint, token)) return false;
            var start = nanoseconds();
            var taken = constraint.TryAdvance(token);
            _commitTimes.Add(nanoseconds() - start);
            if (!taken) throw new InvalidOperationException($"token {token} was allowed by the mask and refused when taken, in {text}");
        }
        return vocabulary.EndIds.Count == 0 ? constraint.CanStop : Masked(constraint, vocabulary.EndIds[0]);
    }

    private bool Masked(ITokenConstraint constraint, int token)
    {
        var start = nanoseconds();
        constraint.FillMask(_mask);
        _maskTimes.Add(nanoseconds() - start);
        return ((_mask[token >> 6] >> token) & 1) != 0;
    }
}
