using System.Text;
using System.Text.Json.Nodes;
using Coppice.Constraints.Tests.Support;

namespace Coppice.Constraints.Tests.Schemas;

/// <summary>What must hold of every schema's masks.</summary>
public sealed class SchemaLawTests
{
    private static readonly TokenVocabulary Vocabulary = Vocabularies.Small;

    private static readonly string[] Schemas =
    [
        """{"type":"object","properties":{"name":{"type":"string","maxLength":4},"n":{"type":"integer","minimum":-3,"maximum":12}},"required":["name"],"additionalProperties":false}""",
        """{"oneOf":[{"type":"array","items":{"enum":["ab","abc",1,null]},"uniqueItems":true,"minItems":1},{"type":"string","pattern":"^a+é$"},{"type":"number","multipleOf":0.5}]}""",
        """{"type":"object","patternProperties":{"^x":{"type":"boolean"}},"additionalProperties":{"type":"array","contains":{"const":12},"maxItems":3},"minProperties":1}""",
        """{"not":{"type":["object","array"]},"if":{"type":"string"},"then":{"minLength":2,"maxLength":3},"else":{"type":"integer","not":{"enum":[1,2]}}}""",
        """{"$ref":"#/$defs/t","$defs":{"t":{"type":"object","properties":{"t":{"$ref":"#/$defs/t"},"a":{"type":"null"}},"unevaluatedProperties":false,"dependentRequired":{"t":["a"]}}}}""",
        """{"anyOf":[{"type":"string","pattern":"^[a-z]+(-[0-9é]+)*$","maxLength":5},{"type":"string","format":"uri","minLength":3}]}""",
        """
        {"type":"object","patternProperties":{"^n[a-z]*$":{"type":"integer"}},"properties":{"name":{"type":"string"},"ab":{"type":"null"}},
        "additionalProperties":{"type":"boolean"},"required":["ab"]}
        """,
        """
        {"type":"object","patternProperties":{"^(a|b|é)+$":{"type":"integer"}},"properties":{"name":{"type":"string"}},
        "additionalProperties":false,"minProperties":1}
        """,
        """{"anyOf":[{"required":["a"]},{"required":["na","name"]}],"type":"object","propertyNames":{"maxLength":4},"maxProperties":2}""",
    ];

    public static TheoryData<string> All => [.. Schemas];

    [Theory, MemberData(nameof(All))]
    public void Wrapping_and_reordering_change_no_mask(string schema)
    {
        var node = JsonNode.Parse(schema)!.AsObject();
        var titled = JsonNode.Parse(schema)!.AsObject();
        titled["title"] = "t";
        var reversed = new JsonObject(node.Reverse().Select(pair => KeyValuePair.Create(pair.Key, pair.Value?.DeepClone())));
        var defs = node["$defs"]?.ToJsonString() ?? "{}";
        Same(schema, titled.ToJsonString(), $$"""{"allOf":[{{schema}}],"$defs":{{defs}}}""",
            $$"""{"anyOf":[{{schema}},{{schema}}],"$defs":{{defs}}}""", reversed.ToJsonString());
    }

    [Theory, MemberData(nameof(All))]
    public void Masks_are_the_same_without_caches_and_without_slices(string schema)
    {
        var options = new SchemaOptions();
        CompiledGrammar[] grammars =
        [
            JsonSchema.CompileNew(schema, Vocabulary, options),
            JsonSchema.CompileNew(schema, Vocabulary, options, keepsMasks: false),
            JsonSchema.CompileNew(schema, Vocabulary, options, usesSlices: false),
        ];
        for (var seed = 0; seed < 40; seed++) SameWalk(grammars, seed);
    }

    [Theory, MemberData(nameof(All))]
    public void Masks_are_what_trying_each_token_gives(string schema)
    {
        var grammar = JsonSchema.CompileNew(schema, Vocabulary, new SchemaOptions());
        for (var seed = 0; seed < 25; seed++)
        {
            var random = new Random(seed);
            var constraint = grammar.CreateConstraint();
            for (var step = 0; step < 12; step++)
            {
                var mask = constraint.MaskOf(Vocabulary);
                var position = constraint.Position;
                for (var id = 0; id < Vocabulary.Count; id++)
                {
                    Assert.Equal(mask.Has(id), constraint.TryAdvance(id));
                    constraint.Rollback(position);
                }
                var ids = mask.Ids(Vocabulary);
                Assert.NotEmpty(ids);
                var token = ids[random.Next(ids.Length)];
                Assert.True(constraint.TryAdvance(token));
                if (Vocabulary.IsEnd(token)) break;
            }
        }
    }

    [Theory, MemberData(nameof(All))]
    public void Forks_are_independent_and_a_way_back_leads_where_it_came_from(string schema)
    {
        var grammar = JsonSchema.CompileNew(schema, Vocabulary, new SchemaOptions());
        for (var seed = 0; seed < 20; seed++)
        {
            var random = new Random(seed);
            var constraint = grammar.CreateConstraint();
            var masks = new List<ulong[]>();
            var taken = new List<int>();
            for (var step = 0; step < 100; step++)
            {
                masks.Add(constraint.MaskOf(Vocabulary));
                var ids = masks[^1].Ids(Vocabulary).Where(id => !Vocabulary.IsEnd(id)).ToArray();
                if (ids.Length == 0) break;
                taken.Add(ids[random.Next(ids.Length)]);
                Assert.True(constraint.TryAdvance(taken[^1]));
                if (random.Next(6) != 0) continue;
                var fork = constraint.Fork();
                var back = random.Next(constraint.Position);
                fork.Rollback(back);
                Assert.Equal(masks[back], fork.MaskOf(Vocabulary));
                foreach (var id in masks[back].Ids(Vocabulary).Take(3)) if (fork.TryAdvance(id)) break;
                for (var i = 0; i < 3; i++)
                    if (fork.MaskOf(Vocabulary).Ids(Vocabulary) is [var next, ..]) fork.TryAdvance(next);
                Assert.Equal(taken.Count, constraint.Position);
            }
            var all = constraint.MaskOf(Vocabulary);
            var half = taken.Count / 2;
            constraint.Rollback(half);
            Assert.Equal(half < masks.Count ? masks[half] : all, constraint.MaskOf(Vocabulary));
            foreach (var token in taken.Skip(half)) Assert.True(constraint.TryAdvance(token));
            Assert.Equal(all, constraint.MaskOf(Vocabulary));
        }
    }

    [Theory, MemberData(nameof(All))]
    public void An_answer_is_whole_when_its_tokens_are_used_up(string schema)
    {
        var grammar = JsonSchema.CompileNew(schema, Vocabulary, new SchemaOptions());
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var budget = 40;
            var constraint = grammar.CreateConstraint();
            for (; ; budget--)
            {
                var ids = constraint.MaskOf(Vocabulary, budget).Ids(Vocabulary);
                Assert.NotEmpty(ids);
                if (budget == 0)
                {
                    Assert.True(constraint.CanStop, $"seed {seed}");
                    break;
                }
                var token = ids[random.Next(ids.Length)];
                Assert.True(constraint.TryAdvance(token));
                if (Vocabulary.IsEnd(token)) break;
            }
        }
    }

    [Fact]
    public void Nothing_is_allocated_once_masks_are_warm()
    {
        var constraint = JsonSchema.CompileNew(Schemas[0], Vocabulary, new SchemaOptions()).CreateConstraint();
        var text = Encoding.UTF8.GetBytes("""{"n": 12, "name": "ab"}""");
        var mask = new ulong[Vocabulary.MaskWords];
        void Run()
        {
            foreach (var value in text)
            {
                constraint.FillMask(mask);
                constraint.TryAdvance(value);
            }
            constraint.Rollback(0);
        }
        for (var i = 0; i < 300; i++) Run();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10; i++) Run();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Forced_tokens_are_the_only_way_to_go_on()
    {
        var constraint = JsonSchema
            .Compile("""{"const":{"name":"ab"}}""", Vocabularies.Of(), new SchemaOptions { WhiteSpace = WhiteSpace.None })
                .CreateConstraint();
        Span<int> forced = stackalloc int[64];
        var count = constraint.ForcedTokens(forced);
        var text = Encoding.UTF8.GetString([.. forced[..count].ToArray().Select(id => (byte)id)]);
        // Up to where the name or its value may be spelt with or without an escape.
        Assert.Equal("{\"", text);
        Assert.Equal(0, constraint.Position);
    }

    private static void Same(params string[] schemas)
    {
        CompiledGrammar[] grammars = [.. schemas.Select(schema => JsonSchema.CompileNew(schema, Vocabulary, new SchemaOptions()))];
        for (var seed = 0; seed < 50; seed++) SameWalk(grammars, seed);
    }

    private static void SameWalk(CompiledGrammar[] grammars, int seed)
    {
        var random = new Random(seed);
        ITokenConstraint[] constraints = [.. grammars.Select(grammar => grammar.CreateConstraint())];
        var text = new StringBuilder();
        for (var step = 0; step < 30; step++)
        {
            var mask = constraints[0].MaskOf(Vocabulary);
            for (var i = 1; i < constraints.Length; i++)
                Assert.True(mask.AsSpan().SequenceEqual(constraints[i].MaskOf(Vocabulary)), $"grammar {i} after {text}");
            var ids = mask.Ids(Vocabulary);
            var token = ids[random.Next(ids.Length)];
            Assert.All(constraints, constraint => Assert.True(constraint.TryAdvance(token)));
            if (Vocabulary.IsEnd(token)) break;
            text.Append(Encoding.UTF8.GetString(Vocabulary.BytesOf(token)));
        }
    }
}
