using System.Numerics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coppice.Constraints;
using Json.Schema;
using JsonSchema = Coppice.Constraints.JsonSchema;

namespace Coppice.Bench.Constraints;

/// <summary>
/// Random walks through the masks of schemas: each token is drawn from those that the mask allows, all with equal probability, and what a
/// walk ends in is judged by JsonSchema.Net, which shares nothing with the masks. One thread at a time.
/// </summary>
/// <param name="vocabulary">The tokens.</param>
internal sealed class SchemaWalks(TokenVocabulary vocabulary)
{
    /// <summary>Tokens after which the text is to be closed.</summary>
    public const int MostTokens = 400;

    /// <summary>Tokens after which a walk is given up.</summary>
    private const int MostInAll = 4_000;

    private readonly List<string> _wrong = [];
    private readonly List<string> _formats = [];
    private readonly HashSet<string> _tokens = new(StringComparer.Ordinal);

    /// <summary>Walks that reached an end of the text.</summary>
    public int Ended { get; private set; }
    /// <summary>Those of them whose text the other validator could judge.</summary>
    public int Judged { get; private set; }
    /// <summary>Walks that reached a state in which nothing is allowed.</summary>
    public int Dead { get; private set; }
    /// <summary>Walks that did not end.</summary>
    public int Open { get; private set; }
    /// <summary>Walks that took more than <see cref="MostTokens"/> because the shortest text known of their schema does.</summary>
    public int Long { get; private set; }
    /// <summary>Walks that took more than <see cref="MostTokens"/> though a shorter text is known: there the masks left no room.</summary>
    public int Late { get; private set; }
    /// <summary>States that were taken to be completable because finding out took too long.</summary>
    public int Unknown { get; private set; }
    /// <summary>What is wrong: instances that the other validator refuses, and texts after which nothing is allowed.</summary>
    public IReadOnlyList<string> Wrong => _wrong;
    /// <summary>Instances that the other validator refuses for nothing but a format.</summary>
    public IReadOnlyList<string> Formats => _formats;

    /// <summary>What came of the walks, in a sentence.</summary>
    public override string ToString() =>
        $"{Ended} walks ended, {Judged} were judged, {Dead} reached a place where nothing may follow, {Open} did not end, {Late} took more "
        + $"than {MostTokens} tokens, {Long} had to; {Unknown} states taken to be completable; {_wrong.Count} wrong, "
        + $"{_formats.Count} in formats";

    /// <summary>Walks through one schema, by the seeds from 0 on.</summary>
    /// <param name="id">Names it where something is wrong.</param>
    /// <param name="schema">The schema.</param>
    /// <param name="walks">How many.</param>
    /// <exception cref="ConstraintException">The schema cannot be compiled.</exception>
    public void Walk(string id, string schema, int walks)
    {
        var grammar = JsonSchema.Compile(schema, vocabulary);
        var (validator, lenient) = (Validator(schema, formats: true), Validator(schema, formats: false));
        var isLong = JsonSchema.Example(grammar) is not { } example || TokensOf(Encoding.UTF8.GetBytes(example)) > MostTokens;
        for (var seed = 0; seed < walks; seed++)
        {
            var (text, isDead, tokens) = Walk(grammar, new Random(seed));
            if (tokens > MostTokens && isLong) Long++;
            else if (tokens > MostTokens) Late++;
            if (isDead) Dead++;
            else if (text is null) Open++;
            else Ended++;
            if (isDead) _wrong.Add($"{id}: nothing may follow {text}");
            if (isDead || text is null || validator is null) continue;
            Judged++;
            if (Accepts(validator, text)) continue;
            (lenient is not null && Accepts(lenient, text) ? _formats : _wrong).Add($"{id}: {text}");
        }
        Unknown += grammar.UnknownStates;
    }

    /// <summary>How many tokens a text has where each is the longest that fits.</summary>
    private int TokensOf(ReadOnlySpan<byte> text)
    {
        if (_tokens.Count == 0)
            for (var id = 0; id < vocabulary.Count; id++) _tokens.Add(Encoding.Latin1.GetString(vocabulary.BytesOf(id)));
        var count = 0;
        for (var length = 0; !text.IsEmpty; text = text[length..], count++)
        {
            length = Math.Min(text.Length, 64);
            while (length > 1 && !_tokens.Contains(Encoding.Latin1.GetString(text[..length]))) length--;
        }
        return count;
    }

    /// <summary>A walk that must end once its tokens are used up; its text is null where it does not.</summary>
    private (string? Text, bool IsDead, int Tokens) Walk(CompiledGrammar grammar, Random random)
    {
        var constraint = grammar.CreateConstraint();
        var bytes = new List<byte>();
        var mask = new ulong[vocabulary.MaskWords];
        for (var tokens = 0; tokens < MostInAll; tokens++)
        {
            constraint.FillMask(mask, Math.Max(MostTokens - tokens, 0));
            var token = Draw(mask, random);
            if (token < 0) return (Encoding.UTF8.GetString([.. bytes]), true, tokens);
            if (tokens >= MostTokens && constraint.CanStop) token = vocabulary.EndIds[0];
            if (!constraint.TryAdvance(token)) throw new InvalidOperationException($"token {token} was allowed and then refused");
            if (vocabulary.EndIds.Contains(token)) return (Encoding.UTF8.GetString([.. bytes]), false, tokens);
            bytes.AddRange(vocabulary.BytesOf(token));
        }
        return (null, false, MostInAll);
    }

    /// <summary>One of the ids that <paramref name="mask"/> allows, each as probable as any other; -1 where there is none.</summary>
    private static int Draw(ulong[] mask, Random random)
    {
        var count = 0;
        foreach (var word in mask) count += BitOperations.PopCount(word);
        if (count == 0) return -1;
        var left = random.Next(count);
        for (var i = 0; ; i++)
        {
            var inWord = BitOperations.PopCount(mask[i]);
            if (left >= inWord)
            {
                left -= inWord;
                continue;
            }
            var word = mask[i];
            for (; left > 0; left--) word &= word - 1;
            return (i << 6) + BitOperations.TrailingZeroCount(word);
        }
    }

    private static bool Accepts(Json.Schema.JsonSchema validator, string text)
    {
        using var instance = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 2_000 });
        return validator.Evaluate(instance.RootElement, new EvaluationOptions { RequireFormatValidation = false }).IsValid;
    }

    /// <summary>
    /// The schema for the other validator; null where it cannot read the draft: it has no draft 04, whose forms differ in a few keywords.
    /// </summary>
    private static Json.Schema.JsonSchema? Validator(string schema, bool formats)
    {
        var node = JsonNode.Parse(schema)!;
        if (!formats) RemoveFormats(node);
        if (node is JsonObject root)
        {
            var draft = root["$schema"]?.ToString() ?? "";
            var isOld = draft.Length == 0 || draft.Contains("draft-04", StringComparison.Ordinal);
            string[] different = ["\"exclusiveM", "\"items\":[", "\"dependencies\"", "\"id\":", "\"const\""];
            if (isOld && Array.Exists(different, part => schema.Contains(part, StringComparison.Ordinal))) return null;
            root.Remove("$schema");
            root.Remove("$id");
            root["$schema"] = isOld ? "https://json-schema.org/draft/2020-12/schema" : draft;
        }
        if (schema.Contains("\"$ref\":\"http", StringComparison.Ordinal) || schema.Contains("\\\\p{", StringComparison.Ordinal))
            return null;
        try
        {
            return Json.Schema.JsonSchema.FromText(node.ToJsonString());
        }
        catch (Exception error) when (error is JsonException or JsonSchemaException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Takes out what says that a string has a format: there are other things called so, which are no texts.</summary>
    private static void RemoveFormats(JsonNode? node)
    {
        if (node is JsonArray list)
            foreach (var item in list) RemoveFormats(item);
        if (node is not JsonObject members) return;
        if (members["format"] is JsonValue) members.Remove("format");
        foreach (var (_, member) in members) RemoveFormats(member);
    }
}
