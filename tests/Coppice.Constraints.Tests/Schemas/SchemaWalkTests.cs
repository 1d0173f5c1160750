using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coppice.Constraints.Tests.Support;
using Json.Schema;

namespace Coppice.Constraints.Tests.Schemas;

/// <summary>Random walks through the masks, judged by a validator that shares nothing with them.</summary>
public sealed class SchemaWalkTests(ITestOutputHelper output)
{
    private const int MostTokens = 400, MostInAll = 1_000;
    private static readonly Dictionary<string, int> Ids = new(StringComparer.Ordinal);

    /// <summary>Two walks for some schemas, or COPPICE_WALKS walks over all 500: bench/results/walks.md says what came of 10,000.</summary>
    [Fact]
    public void Walks_end_in_instances()
    {
        var wanted = Environment.GetEnvironmentVariable("COPPICE_WALKS");
        if (wanted is null) Walk(each: 40, walks: 2);
        else Walk(each: 1, walks: (int.Parse(wanted, System.Globalization.CultureInfo.InvariantCulture) + 499) / 500);
    }

    [Fact]
    public void No_legal_next_token_is_refused_on_2000_prefixes()
    {
        var (_, vocabulary) = Vocabularies.Real();
        var random = new Random(11);
        var prefixes = 0;
        foreach (var schema in BenchCase.Read("bench.jsonl", each: 2))
        {
            if (prefixes >= 2_000) break;
            var grammar = JsonSchema.Compile(schema.Schema, vocabulary);
            foreach (var (data, isValid) in schema.Instances)
            {
                if (!isValid) continue;
                // Any way to split a valid text into tokens is legal: each token that begins the rest must be allowed.
                var bytes = Encoding.UTF8.GetBytes(data);
                for (var sample = 0; sample < 8; sample++, prefixes++)
                {
                    var constraint = grammar.CreateConstraint();
                    var at = random.Next(bytes.Length);
                    if (!Advance(constraint, vocabulary, bytes.AsSpan(0, at), random))
                        Assert.Fail($"{schema.Id}: {data} is refused before byte {at}");
                    var mask = constraint.MaskOf(vocabulary);
                    foreach (var token in TokensThatBegin(vocabulary, bytes.AsSpan(at)))
                        Assert.True(mask.Has(token),
                            $"{schema.Id}: \"{Encoding.UTF8.GetString(vocabulary.BytesOf(token))}\" after {Encoding.UTF8.GetString(bytes, 0, at)}");
                }
            }
        }
        Assert.True(prefixes >= 2_000, $"{prefixes}");
    }

    private static bool Advance(ITokenConstraint constraint, TokenVocabulary vocabulary, ReadOnlySpan<byte> bytes, Random random)
    {
        while (bytes.Length > 0)
        {
            var tokens = TokensThatBegin(vocabulary, bytes);
            var token = tokens[random.Next(tokens.Count)];
            if (!constraint.TryAdvance(token)) return false;
            bytes = bytes[vocabulary.BytesOf(token).Length..];
        }
        return true;
    }

    private static List<int> TokensThatBegin(TokenVocabulary vocabulary, ReadOnlySpan<byte> bytes)
    {
        if (Ids.Count == 0)
            for (var id = 0; id < vocabulary.Count; id++)
                if (vocabulary.BytesOf(id).Length > 0) Ids.TryAdd(Encoding.Latin1.GetString(vocabulary.BytesOf(id)), id);
        var found = new List<int>();
        for (var length = 1; length <= Math.Min(bytes.Length, 24); length++)
            if (Ids.TryGetValue(Encoding.Latin1.GetString(bytes[..length]), out var token)) found.Add(token);
        return found;
    }

    private void Walk(int each, int walks)
    {
        var (_, vocabulary) = Vocabularies.Real();
        var (ended, judged, dead, open, unknown, budget, wrong) = (0, 0, 0, 0, 0, 0, new List<string>());
        foreach (var schema in BenchCase.Read("bench.jsonl", each))
        {
            var grammar = JsonSchema.Compile(schema.Schema, vocabulary);
            var validator = Validator(schema.Schema);
            for (var walk = 0; walk < walks; walk++)
            {
                var text = OneWalk(grammar, vocabulary, new Random(walk), out var isDead, out var tokens);
                if (tokens > MostTokens) budget++;
                if (isDead)
                {
                    dead++;
                    wrong.Add($"{schema.Id}: nothing may follow {text}");
                }
                else if (text is null) open++;
                else
                {
                    ended++;
                    if (validator is null) continue;
                    judged++;
                    using var instance = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 2_000 });
                    if (!validator.Evaluate(instance.RootElement, new EvaluationOptions { RequireFormatValidation = false }).IsValid)
                        wrong.Add($"{schema.Id}: {text}");
                }
            }
            unknown += grammar.UnknownStates;
        }
        output.WriteLine($"{ended} walks ended, {judged} were judged, {dead} came to where nothing may follow, {open} did not end, {budget} took more "
            + $"than {MostTokens} tokens; {unknown} states taken to be completable");
        Assert.True(wrong.Count == 0, string.Join('\n', wrong.Take(20)));
        Assert.Equal(0, open);
    }

    /// <summary>A walk of random tokens, that must end once its tokens are used up; null where it does not.</summary>
    private static string? OneWalk(CompiledGrammar grammar, TokenVocabulary vocabulary, Random random, out bool isDead, out int tokens)
    {
        var constraint = grammar.CreateConstraint();
        var bytes = new List<byte>();
        isDead = false;
        for (tokens = 0; tokens < MostInAll; tokens++)
        {
            var token = constraint.MaskOf(vocabulary, Math.Max(MostTokens - tokens, 0)).Draw(random);
            if (token < 0)
            {
                isDead = true;
                return Encoding.UTF8.GetString([.. bytes]);
            }
            if (tokens >= MostTokens && constraint.CanStop) token = vocabulary.EndIds[0];
            if (!constraint.TryAdvance(token)) throw new InvalidOperationException($"token {token} was allowed and then refused");
            if (vocabulary.IsEnd(token)) return Encoding.UTF8.GetString([.. bytes]);
            bytes.AddRange(vocabulary.BytesOf(token));
        }
        return null;
    }

    /// <summary>
    /// The schema for the other validator; null where it cannot read the draft: it has no draft 04, whose forms differ in a few keywords.
    /// </summary>
    private static Json.Schema.JsonSchema? Validator(string schema)
    {
        var node = JsonNode.Parse(schema)!;
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
}
