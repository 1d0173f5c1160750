using Xunit;

namespace Coppice.Text.Tests.Templates;

/// <summary>The built-in filters and tests, one line or two for each.</summary>
public sealed class FilterTests
{
    private const string Variables = """
        {"users":[{"name":"Bo","age":30,"tag":"x"},{"name":"al","age":25},{"name":"Cy","age":30,"tag":null}],
         "words":["pear","Apple","fig","apple"],"d":{"b":2,"A":{"x":[1,1.0,null,true]},"c":"é\u2028<"},"list":[3,1,2]}
        """;

    [Theory]
    [InlineData("users | map(attribute='name') | join('/'), users | map(attribute='tag', default='?') | list",
        "('Bo/al/Cy', ['x', '?', None])")]
    [InlineData("words | map('upper') | list, ['1', '2'] | map('int') | sum, [[1], [2]] | map('first') | list",
        "(['PEAR', 'APPLE', 'FIG', 'APPLE'], 3, [1, 2])")]
    [InlineData("users | selectattr('tag') | map(attribute='name') | list, users | rejectattr('age', 'gt', 26) | list | length",
        "(['Bo'], 1)")]
    [InlineData("range(6) | select('odd') | list, range(6) | reject('odd') | list, [0, 1, ''] | select | list",
        "([1, 3, 5], [0, 2, 4], [1])")]
    [InlineData("list | sort, words | sort, words | sort(true, true), users | sort(attribute='age,name') | map(attribute='name') | list",
        "([1, 2, 3], ['Apple', 'apple', 'fig', 'pear'], ['pear', 'fig', 'apple', 'Apple'], ['al', 'Bo', 'Cy'])")]
    [InlineData("{'b': 1, 'A': 2} | dictsort, {'b': 1, 'a': 2} | dictsort(false, 'value', true)",
        "([('A', 2), ('b', 1)], [('a', 2), ('b', 1)])")]
    [InlineData("words | unique | list, users | unique(attribute='age') | list | length", "(['pear', 'Apple', 'fig'], 2)")]
    [InlineData("users | groupby('age') | map(attribute='grouper') | list, (users | groupby('age'))[1].list | length", "([25, 30], 2)")]
    [InlineData("users | groupby('tag', default='-') | map('first') | list if false else 'skip'", "skip")]
    [InlineData("list | min, list | max, words | max, [] | max, users | min(attribute='age') | length", "(1, 3, 'pear', Undefined, 2)")]
    [InlineData("list | sum, users | sum('age'), [[1], [2]] | sum(start=[]), list | sum(start=0.5)", "(6, 85, [1, 2], 6.5)")]
    [InlineData("list | first, list | last, 'abc' | last, {} | first, d | first", "(3, 2, 'c', Undefined, 'b')")]
    [InlineData("range(5) | batch(2) | list, range(3) | batch(2, 0) | list, range(5) | slice(3) | list, range(4) | slice(3, 9) | list",
        "([[0, 1], [2, 3], [4]], [[0, 1], [2, 0]], [[0, 1], [2, 3], [4]], [[0, 1], [2, 9], [3, 9]])")]
    [InlineData("list | reverse | list, 'abc' | reverse, d | items | list | length, nope | items | list", "([2, 1, 3], 'cba', 3, [])")]
    [InlineData("nope | default('x'), none | default('x'), '' | d('x', true), nope | default", "('x', None, 'x', '')")]
    [InlineData("users[0] | attr('name'), 'a' | attr('upper') is callable", "(Undefined, True)")]
    [InlineData("'abc' | list, {'a': 1} | list, (1, 2) | list | length, 'a😀' | count", "(['a', 'b', 'c'], ['a'], 2, 2)")]
    public void Collections(string expression, string expected) =>
        Assert.Equal(expected, Templating.Render($"{{{{ {expression} }}}}", Variables));

    [Theory]
    [InlineData("'a\\nb\\n\\nc' | indent(2), 'a\\nb' | indent('> ', true), 'a\\n\\nb' | indent(1, blank=true)",
        "('a\\n  b\\n\\n  c', '> a\\n> b', 'a\\n \\n b')")]
    [InlineData("' a ' | trim, 'xax' | trim('x'), 'hELLO wORLD' | capitalize, 'hello-w (x' | title",
        "('a', 'a', 'Hello world', 'Hello-W (X')")]
    [InlineData("'foo bar baz qux' | truncate(9), 'foo bar baz qux' | truncate(9, true), 'abc' | truncate(2, leeway=0, end='')",
        "('foo...', 'foo ba...', 'ab')")]
    [InlineData("'one two  three-four' | wordcount, 'ab' | center(5), 'a b' | replace(' ', '')", "(4, '  ab ', 'ab')")]
    [InlineData("'the quick brown fox' | wordwrap(10), 'abcdefgh' | wordwrap(3), 'ab cd' | wordwrap(2, wrapstring='|')",
        "('the quick\\nbrown fox', 'abc\\ndef\\ngh', 'ab|cd')")]
    [InlineData("'well-known facts' | wordwrap(7), 'one--two three' | wordwrap(6), 'mail me@x.yz' | wordwrap(5), 'f-g-h' | wordwrap(3)",
        "('well-\\nknown\\nfacts', 'one--\\ntwo\\nthree', 'mail \\nme@x.\\nyz', 'f-\\ng-h')")]
    [InlineData("'abc-de-fghijkl' | wordwrap(8), '  x-yz abcdefgh' | wordwrap(4, break_on_hyphens=false), 'ab cdefgh' | wordwrap(3, false)",
        "('abc-de-\\nfghijkl', 'x-yz\\nabcd\\nefgh', 'ab\\ncdefgh')")]
    [InlineData("'\\n\\na b' | wordwrap(5), ' \\na' | wordwrap(5, wrapstring='|'), '' | wordwrap(5)", "('\\n\\na b', '|a', '')")]
    [InlineData("'a b/é&' | urlencode, {'k 1': 'v&'} | urlencode, 5 | string, 1.0 | string", "('a%20b/%C3%A9%26', 'k+1=v%26', '5', '1.0')")]
    [InlineData("1 | filesizeformat, 999 | filesizeformat, 13000 | filesizeformat, 1048576 | filesizeformat(true)",
        "('1 Byte', '999 Bytes', '13.0 kB', '1.0 MiB')")]
    [InlineData("'<p>a &amp; <b>b</b></p><!-- x -->' | striptags, {'a': '<', 'b': none} | xmlattr", "('a & b', ' a=\"&lt;\"')")]
    [InlineData("-3 | abs, '%s-%s' | format(1, 2), '%(a)s' | format(a=1), {'b': 1, 'a': 2} | pprint",
        "(3, '1-2', '1', \"{'a': 2, 'b': 1}\")")]
    public void TextAndNumbers(string expression, string expected) => Assert.Equal(expected, Templating.Render($"{{{{ {expression} }}}}"));

    [Theory]
    [InlineData("d | tojson", "{\"b\": 2, \"A\": {\"x\": [1, 1.0, null, true]}, \"c\": \"é\u2028<\"}")]
    [InlineData("d | tojson(ensure_ascii=true, separators=(',', ':'), sort_keys=true)",
        "{\"A\":{\"x\":[1,1.0,null,true]},\"b\":2,\"c\":\"\\u00e9\\u2028<\"}")]
    [InlineData("{'a': [1, {}], 'e': []} | tojson(indent=2)", "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"e\": []\n}")]
    [InlineData("[[1]] | tojson(indent=0)", "[\n[\n1\n]\n]")]
    [InlineData("[1] | tojson(indent='--')", "[\n--1\n]")]
    [InlineData("{1: 'a', none: 1e100, 2.5: ('t',)} | tojson", "{\"1\": \"a\", \"null\": 1e+100, \"2.5\": [\"t\"]}")]
    [InlineData("['\\x00\\x1f\"\\\\/\\n😀', 'inf' | float] | tojson", "[\"\\u0000\\u001f\\\"\\\\/\\n😀\", Infinity]")]
    public void Json(string expression, string expected) => Assert.Equal(expected, Templating.Render($"{{{{ {expression} }}}}", Variables));

    [Theory]
    [InlineData("1 is odd, 2 is even, 4 is divisibleby(2), 1.5 is float, 1 is integer, true is integer, true is number",
        "(True, True, True, True, True, False, True)")]
    [InlineData("{} is mapping, [] is sequence, {} is sequence, 'a' is iterable, 1 is iterable, nope is sequence",
        "(True, True, True, True, False, True)")]
    [InlineData("none is none, true is true, 0 is false, false is boolean, 'a' is string, '<' | e is escaped",
        "(True, True, False, True, True, True)")]
    [InlineData("'A' is upper, 'a1' is lower, 'upper' is filter, 'odd' is test, range is callable, none is sameas none",
        "(True, True, True, True, True, True)")]
    [InlineData("1 is eq 1, 1 is ne(2), 1 is lt 2, 2 is ge 2, 'a' is in 'abc', 3 is not in [1]", "(True, True, True, True, True, True)")]
    public void Tests(string expression, string expected) => Assert.Equal(expected, Templating.Render($"{{{{ {expression} }}}}"));

    [Fact]
    public void A_generator_can_be_read_once() =>
        Assert.Equal("[1, 2][]", Templating.Render("{% set g = [1, 2] | map('int') %}{{ g | list }}{{ g | list }}"));
}
