using System.Globalization;
using System.Text;
using Coppice.Bench.Constraints;
using Coppice.Constraints.Tests.Support;

namespace Coppice.Constraints.Tests.Schemas;

/// <summary>Random walks through the masks, judged by a validator that shares nothing with them.</summary>
public sealed class SchemaWalkTests(ITestOutputHelper output)
{
    private static readonly Dictionary<string, int> Ids = new(StringComparer.Ordinal);

    /// <summary>
    /// Two walks for some schemas. COPPICE_WALKS=10000 makes as many over all 500 of them, and so does `coppice-bench constraints walks`.
    /// </summary>
    [Fact]
    public void Walks_end_in_instances()
    {
        var wanted = Environment.GetEnvironmentVariable("COPPICE_WALKS");
        var (each, count) = wanted is null ? (40, 2) : (1, Math.Max(int.Parse(wanted, CultureInfo.InvariantCulture) / 500, 1));
        var (walks, begun) = (new SchemaWalks(Vocabularies.Real().Vocabulary), 0);
        foreach (var schema in BenchCase.Read("bench.jsonl", each))
        {
            walks.Walk(schema.Id, schema.Schema, count);
            begun += count;
        }
        output.WriteLine(walks.ToString());
        Assert.True(walks.Wrong.Count == 0, string.Join('\n', walks.Wrong));
        Assert.Equal((begun, 0, 0, 0), (walks.Ended, walks.Dead, walks.Open, walks.Late));
        Assert.InRange(walks.Judged, begun / 3, begun);
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
}
