using System.Text;
using Coppice.Constraints.Tests.Support;

namespace Coppice.Constraints.Tests.Grammars;

/// <summary>Context-free grammars against an oracle, and their notations.</summary>
public sealed class GrammarTests
{
    private static readonly string[] Letters = ["a", "b", "c"];
    private static readonly string[] Texts = [.. Letters, .. Letters.SelectMany(a => Letters.Select(b => a + b)), .. Letters.SelectMany(a => Letters.SelectMany(b => Letters.Select(c => a + b + c)))];

    [Fact]
    public void Masks_of_200_random_grammars_are_what_an_oracle_says()
    {
        var vocabulary = Vocabularies.Only(Texts);
        var (checkedMasks, withText) = (0, 0);
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var oracle = GrammarOracle.Random(random);
            if (!oracle.HasText)
            {
                Assert.Throws<ConstraintException>(() => { Grammar.CompileNew(oracle.Gbnf, vocabulary, GrammarNotation.Gbnf); });
                continue;
            }
            withText++;
            var grammar = Grammar.CompileNew(oracle.Gbnf, vocabulary, GrammarNotation.Gbnf);
            for (var walk = 0; walk < 8; walk++)
            {
                var constraint = grammar.CreateConstraint();
                var text = "";
                for (var step = 0; step < 4; step++, checkedMasks++)
                {
                    var mask = constraint.MaskOf(vocabulary);
                    for (var id = 0; id < Texts.Length; id++)
                        Assert.True(mask.Has(id) == oracle.IsLive(text + Texts[id]), $"seed {seed}: \"{Texts[id]}\" after \"{text}\" in\n{oracle.Gbnf}");
                    Assert.True(mask.Has(Texts.Length) == oracle.Accepts(text), $"seed {seed}: the end after \"{text}\" in\n{oracle.Gbnf}");
                    var next = mask.Ids(vocabulary).Where(id => id < Texts.Length).ToArray();
                    if (next.Length == 0) break;
                    var token = next[random.Next(next.Length)];
                    Assert.True(constraint.TryAdvance(token));
                    text += Texts[token];
                }
            }
        }
        Assert.True(withText > 100 && checkedMasks > 1_500, $"{withText} grammars, {checkedMasks} masks");
    }

    [Fact]
    public void Walks_end_in_texts_of_the_grammar()
    {
        var vocabulary = Vocabularies.Only(Texts);
        for (var seed = 0; seed < 150; seed++)
        {
            var random = new Random(seed);
            var oracle = GrammarOracle.Random(random);
            if (!oracle.HasText) continue;
            var constraint = Grammar.CompileNew(oracle.Gbnf, vocabulary, GrammarNotation.Gbnf).CreateConstraint();
            var text = new StringBuilder();
            for (var left = 5; ; left--)
            {
                var next = constraint.MaskOf(vocabulary, Math.Max(left, 0)).Ids(vocabulary);
                Assert.NotEmpty(next);
                var token = left <= 0 && constraint.CanStop ? Texts.Length : next[random.Next(next.Length)];
                Assert.True(constraint.TryAdvance(token));
                if (token == Texts.Length) break;
                text.Append(Texts[token]);
                Assert.True(text.Length < 500, oracle.Gbnf);
            }
            // The oracle takes time cubic in the length.
            if (text.Length <= 20) Assert.True(oracle.Accepts(text.ToString()), $"seed {seed}: \"{text}\" in\n{oracle.Gbnf}");
        }
    }

    [Theory]
    [InlineData("root ::= [ぁ-ゟ]+", "ぁゟ", "ア")]
    [InlineData("root ::= expr\nexpr ::= expr \"+\" num | num\nnum ::= [0-9]+", "1+22+3", "1++2")]
    [InlineData("root ::= \"a\"{2,3} (\"b\" | \"c\")? # comment\n", "aab", "ab")]
    [InlineData("root ::= ( \"x\"\n | \"y\" )* \"\\u0041\" .", "xyxA!", "xyA")]
    [InlineData("root ::= [^\\n\"]+", "日本 é", "a\nb")]
    public void GBNF_says_what_it_means(string grammar, string good, string bad) => Check(grammar, GrammarNotation.Gbnf, good, bad);

    [Theory]
    [InlineData("sum = product, { (\"+\" | \"-\"), product } ; product = digit, { digit } ; digit = \"0\" | \"1\" ; (* all *)", "10+1-11", "10+")]
    [InlineData("s ::= [ 'a' ] 'b' ;", "b", "a")]
    public void EBNF_says_what_it_means(string grammar, string good, string bad) => Check(grammar, GrammarNotation.Ebnf, good, bad);

    [Theory]
    [InlineData("start: pair (\",\" pair)*\npair: NAME \":\" SIGNED_NUMBER -> pair\nNAME: /[a-z]+/\n%import common.SIGNED_NUMBER\n%import common.WS\n%ignore WS", " ab : -1.5 , c:2", "ab -1")]
    [InlineData("start: \"hi\"i \"a\"..\"c\"~2..3\n", "HIabc", "hia")]
    [InlineData("?start: a\n   | b\na: \"x\" [b]\nb.2: \"y\"", "xy", "yx")]
    public void Lark_says_what_it_means(string grammar, string good, string bad) => Check(grammar, GrammarNotation.Lark, good, bad);

    [Theory]
    [InlineData("root ::= missing", "missing")]
    [InlineData("root ::= \"a", "literal")]
    [InlineData("root ::= root", "allow some text")]
    [InlineData("other ::= \"a\"", "root")]
    [InlineData("root ::= [z-a]", "order")]
    public void A_wrong_grammar_is_refused_with_a_reason(string grammar, string reason) =>
        Assert.Contains(reason, Assert.Throws<ConstraintException>(() => Grammar.Compile(grammar, Vocabularies.Small)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_special_token_is_matched_by_its_id_alone()
    {
        byte[][] tokens = ["<think>"u8.ToArray(), [], "a"u8.ToArray(), []];
        var vocabulary = new TokenVocabulary(tokens, [3], new Dictionary<string, int> { ["<think>"] = 1 });
        var constraint = Grammar.Compile("root ::= <think> \"a\" | !<[2]> \"a\"", vocabulary).CreateConstraint();
        Assert.Equal([0, 1], constraint.MaskOf(vocabulary).Ids(vocabulary));
        Assert.True(constraint.TryAdvance(1));
        Assert.Equal([2], constraint.MaskOf(vocabulary).Ids(vocabulary));
    }

    private static void Check(string grammar, GrammarNotation notation, string good, string bad)
    {
        var compiled = Grammar.Compile(grammar, Vocabularies.Small, notation);
        Assert.True(compiled.Accepts(Encoding.UTF8.GetBytes(good)), good);
        Assert.False(compiled.Accepts(Encoding.UTF8.GetBytes(bad)), bad);
        // Byte by byte through the masks, so that characters are split wherever they can be.
        var constraint = compiled.CreateConstraint();
        foreach (var value in Encoding.UTF8.GetBytes(good))
        {
            Assert.True(constraint.MaskOf(Vocabularies.Small).Has(value));
            Assert.True(constraint.TryAdvance(value));
        }
        Assert.True(constraint.CanStop);
    }
}
