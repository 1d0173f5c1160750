using System.Text;
using Coppice.Constraints.Tests.Support;

namespace Coppice.Constraints.Tests.Grammars;

/// <summary>Context-free grammars against an oracle, and their notations.</summary>
public sealed class GrammarTests
{
    private static readonly string[] Letters = ["a", "b", "c"];
    private static readonly string[] Texts = [.. Letters, .. Letters.SelectMany(a => Letters.Select(b => a + b)),
        .. Letters.SelectMany(a => Letters.SelectMany(b => Letters.Select(c => a + b + c)))];

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
                        Assert.True(mask.Has(id) == oracle.IsLive(text + Texts[id]),
                            $"seed {seed}: \"{Texts[id]}\" after \"{text}\" in\n{oracle.Gbnf}");
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

    /// <summary>The vocabulary has letters that no grammar has, tokens with the same bytes, and tokens of up to eleven letters.</summary>
    [Fact]
    public void Masks_of_200_random_grammars_over_5000_random_tokens_are_what_an_oracle_says()
    {
        var random = new Random(19);
        var texts = Enumerable.Range(0, 5_000).Select(i => i < 4 ? ((char)('a' + i)).ToString()
            : string.Concat(Enumerable.Range(0, 1 + random.Next(1 + random.Next(11))).Select(_ => "aaaabbbcccdd"[random.Next(12)])))
            .ToArray();
        var vocabulary = Vocabularies.Only(texts);
        // Longer texts come after those that they begin with.
        var sorted = Enumerable.Range(0, texts.Length).OrderBy(id => texts[id], StringComparer.Ordinal).ToArray();
        var (masks, allowed) = (0, 0L);
        for (var seed = 0; seed < 200; seed++)
        {
            var oracle = GrammarOracle.Random(random);
            if (!oracle.HasText) continue;
            var grammar = Grammar.CompileNew(oracle.Gbnf, vocabulary, GrammarNotation.Gbnf);
            var known = new Dictionary<string, bool>();
            for (var walk = 0; walk < 20; walk++)
            {
                var constraint = grammar.CreateConstraint();
                var text = "";
                while (text.Length < 12)
                {
                    var mask = constraint.MaskOf(vocabulary);
                    if (known.TryAdd($"={text}", true)) AssertMask(mask, text);
                    var next = mask.Ids(vocabulary).Where(id => id < texts.Length).ToArray();
                    if (next.Length == 0) break;
                    var token = next[random.Next(next.Length)];
                    Assert.True(constraint.TryAdvance(token));
                    text += texts[token];
                }
            }

            void AssertMask(ulong[] mask, string text)
            {
                masks++;
                // Nothing is live that begins with what is not.
                var (dead, deadEnds) = ("-", 0);
                foreach (var id in sorted)
                {
                    if (texts[id].StartsWith(dead, StringComparison.Ordinal))
                    {
                        Assert.False(mask.Has(id), $"\"{texts[id]}\" after \"{text}\" in\n{oracle.Gbnf}");
                        deadEnds++;
                        continue;
                    }
                    var whole = text + texts[id];
                    if (!known.TryGetValue(whole, out var isLive)) known[whole] = isLive = oracle.Judge(whole).IsLive;
                    Assert.True(mask.Has(id) == isLive, $"\"{texts[id]}\" after \"{text}\" in\n{oracle.Gbnf}");
                    if (isLive) allowed++;
                    else dead = texts[id];
                }
                Assert.True(mask.Has(texts.Length) == oracle.Judge(text).IsWhole, $"the end after \"{text}\" in\n{oracle.Gbnf}");
            }
        }
        Assert.True(masks > 1_500 && allowed > 100_000, $"{masks} masks, {allowed} tokens");
    }

    [Fact]
    public void The_oracle_with_bits_says_what_the_other_one_says()
    {
        for (var seed = 0; seed < 100; seed++)
        {
            var oracle = GrammarOracle.Random(new Random(seed));
            foreach (var text in Texts) Assert.Equal((oracle.IsLive(text), oracle.Accepts(text)), oracle.Judge(text));
        }
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

    /// <summary>All texts of up to three letters, in every way to split them into tokens.</summary>
    [Fact]
    public void Every_split_of_every_short_text_is_allowed()
    {
        var vocabulary = Vocabularies.Only(Texts);
        var checkedTexts = 0;
        for (var seed = 0; seed < 200; seed++)
        {
            var oracle = GrammarOracle.Random(new Random(seed));
            if (!oracle.HasText) continue;
            var grammar = Grammar.CompileNew(oracle.Gbnf, vocabulary, GrammarNotation.Gbnf);
            foreach (var text in Texts.Where(oracle.Accepts))
            {
                checkedTexts++;
                Follow(grammar.CreateConstraint(), text, $"seed {seed}: \"{text}\" in\n{oracle.Gbnf}");
            }
        }
        Assert.True(checkedTexts > 250, $"{checkedTexts}");

        void Follow(ITokenConstraint constraint, string rest, string where)
        {
            var mask = constraint.MaskOf(vocabulary);
            if (rest.Length == 0) Assert.True(mask.Has(Texts.Length), where);
            for (var id = 0; id < Texts.Length; id++)
            {
                if (!rest.StartsWith(Texts[id], StringComparison.Ordinal)) continue;
                Assert.True(mask.Has(id), where);
                var next = constraint.Fork();
                Assert.True(next.TryAdvance(id), where);
                Follow(next, rest[Texts[id].Length..], where);
            }
        }
    }

    /// <summary>Hiragana are E3 81 81 to E3 82 9F: a token that holds a part of one is allowed where a whole one can come of it.</summary>
    [Fact]
    public void Parts_of_characters_are_allowed_exactly_where_a_whole_one_can_come_of_them()
    {
        var tokens = Enumerable.Range(0, 256).Select(value => new[] { (byte)value }).Concat([[0xE3, 0x81], [0x81, 0xE3], [0xE3, 0x83], []])
            .ToArray();
        var vocabulary = new TokenVocabulary(tokens, [tokens.Length - 1]);
        var constraint = Grammar.Compile("root ::= [ぁ-ゟ]+", vocabulary).CreateConstraint();
        Assert.Equal([0xE3, 256], constraint.MaskOf(vocabulary).Ids(vocabulary));
        Assert.True(constraint.TryAdvance(0xE3));
        Assert.Equal([0x81, 0x82], constraint.MaskOf(vocabulary).Ids(vocabulary));
        Assert.True(constraint.TryAdvance(0x81));
        Assert.Equal([.. Enumerable.Range(0x81, 0x3F), 257], constraint.MaskOf(vocabulary).Ids(vocabulary));
        Assert.True(constraint.TryAdvance(257));
        Assert.Equal([0x81, 0x82], constraint.MaskOf(vocabulary).Ids(vocabulary));
        Assert.True(constraint.TryAdvance(0x82));
        Assert.Equal([.. Enumerable.Range(0x80, 0x20), 257], constraint.MaskOf(vocabulary).Ids(vocabulary));
        Assert.True(constraint.TryAdvance(0x9F));
        Assert.Equal([0xE3, 256, 259], constraint.MaskOf(vocabulary).Ids(vocabulary));
    }

    /// <summary>Grammars of the kind that llama.cpp ships as samples.</summary>
    [Theory]
    [InlineData(
        """
        root ::= object
        value ::= object | array | string | number | ("true" | "false" | "null") ws
        object ::= "{" ws ( string ":" ws value ("," ws string ":" ws value)* )? "}" ws
        array ::= "[" ws ( value ("," ws value)* )? "]" ws
        string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) )* "\"" ws
        number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
        # white space is optional
        ws ::= | " " | "\n" [ \t]{0,20}
        """, "{\"a\": [1, -2.5e3, \"x\\u00e9\"], \"b\":null}", "{\"a\" 1}")]
    [InlineData(
        """
        root  ::= (expr "=" ws term "\n")+
        expr  ::= term ([-+*/] term)*
        term  ::= ident | num | "(" ws expr ")" ws
        ident ::= [a-z] [a-z0-9_]* ws
        num   ::= [0-9]+ ws
        ws    ::= [ \t\n]*
        """, "a+(b2*3)= 7\n", "a+=7\n")]
    [InlineData("root ::= item+\nitem ::= \"- \" [^\\r\\n\\x0b\\x0c\\x85\\u2028\\u2029]+ \"\\n\"", "- one\n- zwei é\n", "one\n")]
    [InlineData("root ::= jp-char+ ([ \\t\\n] jp-char+)*\njp-char ::= hiragana | katakana | punct | cjk\nhiragana ::= [ぁ-ゟ]\nkatakana ::= [ァ-ヿ]\n"
        + "punct ::= [、-〾]\ncjk ::= [一-鿿]", "日本 ひらカナ。", "abc")]
    [InlineData("root ::= en-char+ ([ \\t\\n] en-char+)*\nen-char ::= letter | digit | punctuation\nletter ::= [a-zA-Z]\ndigit ::= [0-9]\n"
        + "punctuation ::= [!\"#$%&'()*+,-./:;<=>?@[\\\\\\]^_`{|}~]", "Hello, w0rld! [x]", "é")]
    [InlineData(
        """
        root    ::= "1. " move " " move "\n" ([1-9] [0-9]? ". " move " " move "\n")+
        move    ::= (pawn | nonpawn | castle) [+#]?
        nonpawn ::= [NBKQR] [a-h]? [1-8]? "x"? [a-h] [1-8]
        pawn    ::= ([a-h] "x")? [a-h] [1-8] ("=" [NBKQR])?
        castle  ::= "O-O" "-O"?
        """, "1. e4 e5\n2. Nf3 Nc6\n3. O-O exd4+\n", "1. e9 e5\n")]
    [InlineData(
        """
        root ::= (function | comment)*
        function ::= type name "(" (type name ("," ws type name)*)? ")" ws block
        type ::= ("int" | "float" | "char") sp
        name ::= [a-zA-Z_] [a-zA-Z_0-9]*
        block ::= "{" ws (statement ws)* "}" ws
        statement ::=
            ( type name ws "=" ws expression ws ";" ) |
            ( name ws "=" ws expression ws ";" ) |
            ( name ws "(" ws arguments? ")" ws ";" ) |
            ( "return" sp expression ws ";" ) |
            ( "while" ws "(" condition ")" ws block ) |
            ( "for" ws "(" assignment ";" ws condition ";" ws assignment ")" ws block ) |
            ( "if" ws "(" condition ")" ws block ("else" ws block)? ) |
            comment
        assignment ::= type? name ws "=" ws expression
        condition ::= expression ws ("<=" | "<" | "==" | "!=" | ">=" | ">") ws expression
        expression ::= term (ws ("+" | "-") ws term)*
        term ::= factor (ws ("*" | "/") ws factor)*
        factor ::= name | number | "-" factor | name "(" ws arguments? ")" | "(" ws expression ws ")"
        arguments ::= expression ("," ws expression)*
        number ::= [0-9]+
        comment ::= "//" [^\n]* "\n" ws | "/*" ( [^*] | "*" [^/] )* "*/" ws
        ws ::= [ \t\n]*
        sp ::= [ \t\n]+
        """, "// one\nint twice(int n, char c) { int m = 2 * (n + f(c, -1)); if (m <= 4) { return m; } else { while (n > 0) { } } }\n",
        "int twice(int n { }")]
    public void Sample_grammars_are_read(string grammar, string good, string bad) => Check(grammar, GrammarNotation.Gbnf, good, bad);

    [Theory]
    [InlineData("root ::= [ぁ-ゟ]+", "ぁゟ", "ア")]
    [InlineData("root ::= expr\nexpr ::= expr \"+\" num | num\nnum ::= [0-9]+", "1+22+3", "1++2")]
    [InlineData("root ::= \"a\"{2,3} (\"b\" | \"c\")? # comment\n", "aab", "ab")]
    [InlineData("root ::= ( \"x\"\n | \"y\" )* \"\\u0041\" .", "xyxA!", "xyA")]
    [InlineData("root ::= [^\\n\"]+", "日本 é", "a\nb")]
    public void GBNF_says_what_it_means(string grammar, string good, string bad) => Check(grammar, GrammarNotation.Gbnf, good, bad);

    [Theory]
    [InlineData("sum = product, { (\"+\" | \"-\"), product } ; product = digit, { digit } ; digit = \"0\" | \"1\" ; (* all *)", "10+1-11",
        "10+")]
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
        Assert.Contains(reason, Assert.Throws<ConstraintException>(() => Grammar.Compile(grammar, Vocabularies.Small)).Message,
            StringComparison.Ordinal);

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
