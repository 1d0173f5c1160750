using Coppice.Text;
using Xunit;

namespace Coppice.Text.Tests.Templates;

/// <summary>Loops, scopes, macros and blocks.</summary>
public sealed class StatementTests
{
    [Theory]
    [InlineData("{% for x in [] %}{% else %}none{% endfor %}", "none")]
    [InlineData("{% for x in [1] %}{% break %}{% else %}else{% endfor %}", "else")]
    [InlineData("{% for x in [1, 2] %}{% if x == 2 %}{% break %}{% endif %}a{% else %}else{% endfor %}", "a")]
    [InlineData("{% for x in [1, 2, 3] if x != 2 %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% endfor %}", "1/2:1 2/2:3 ")]
    [InlineData("{% for x in 'ab' %}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle(1, 2) }}{{ loop.changed(1) }} {% endfor %}",
        "b1True a2False ")]
    [InlineData("{% for k, v in {'a': 1}.items() %}{{ k }}{{ v }}{% endfor %}", "a1")]
    [InlineData("{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "123")]
    [InlineData("{% for x in [1, [2, [3]]] recursive %}{{ loop(x) if x is not number else x }}{{ loop.depth }}{% endfor %}", "11223321")]
    [InlineData("{% for x in [1, 2] %}{% for y in [1] %}{{ loop.index }}{% endfor %}{{ loop.index }}{% endfor %}", "1112")]
    [InlineData("{% for x in range(3) | map('string') %}{{ loop.revindex }}{{ loop.last }}{% endfor %}", "3False2False1True")]
    [InlineData("{% for x in [3, 4] %}{% set t %}{% continue %}{% endset %}{{ x }}{% endfor %}|", "|")]
    public void Loops(string template, string expected) => Assert.Equal(expected, Templating.Render(template));

    [Theory]
    [InlineData("{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}", "231")]
    [InlineData("{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}", "2")]
    [InlineData("{% macro f() %}{{ x }}{% endmacro %}{% set x = 1 %}{{ f() }}{% set x = 2 %}{{ f() }}", "12")]
    [InlineData("{% for i in [1] %}{{ given }}{% endfor %}{% set given = 1 %}", "")]
    [InlineData("{% for i in [1] %}{% if false %}{% set given = 1 %}{% endif %}{{ given }}{% endfor %}", "G")]
    [InlineData("{% with a = given, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}", "G2")]
    [InlineData("{% set ns = namespace(a=1) %}{% for i in [1, 2] %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}", "4")]
    [InlineData("{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}", "<Namespace {'me': <Namespace {...}>}>")]
    [InlineData("{% set a, b = 1, 2 %}{{ b }}{{ a }}", "21")]
    [InlineData("{% set t | upper %}{{ given }}x{% endset %}{{ t }}", "GX")]
    [InlineData("{% generation %}{% set q = 1 %}a{% endgeneration %}{{ q }}", "a")]
    [InlineData("{% set x = 1 %}{% block b %}{{ x }}{{ given }}{% endblock %}", "1G")]
    [InlineData("{% for y in [1] %}{% block b %}{{ y }}{% endblock %}{% endfor %}|", "|")]
    [InlineData("{% for y in [1, 2] %}{% block b scoped %}{{ y }}{{ given }}{% endblock %}{% endfor %}|", "1G2G|")]
    [InlineData("{% set y = 0 %}{% for y in [1] %}{% set z = 5 %}{% block b scoped %}{{ y }}{{ z }}{% endblock %}{% endfor %}", "15")]
    [InlineData("{% for y in [1] %}{% block b scoped %}{{ y }}{% set y = 2 %}{% endblock %}{{ y }}{% endfor %}{{ self.b() }}", "11")]
    [InlineData("{% filter upper | replace('A', 'b') %}{{ 'a' }}c{% endfilter %}", "bC")]
    [InlineData("{% print 1, 'a' %}", "1a")]
    [InlineData("{% autoescape false %}{{ '<' }}{% endautoescape %}", "<")]
    [InlineData("{{ self.b() }}{% block b %}x{{ given }}{% endblock %}", "xGxG")]
    [InlineData("{{ self is defined }}{{ self.nope is defined }}", "TrueFalse")]
    [InlineData("{% macro f() %}{{ self.b() }}{% endmacro %}{% block b %}y{% endblock %}{{ f() }}", "yy")]
    [InlineData("{% block a %}a{{ self.b() }}{% endblock %}{% block b %}b{% endblock %}", "abb")]
    [InlineData("{% set self = 1 %}{{ self }}", "1")]
    [InlineData("{{ dict.fromkeys([1, 2]) }}{{ dict.fromkeys('a', 3) }}", "{1: None, 2: None}{'a': 3}")]
    [InlineData("{{ lipsum is defined }}{{ cycler is defined }}{{ super is defined }}", "TrueTrueFalse")]
    [InlineData("{% autoescape true %}{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f('<') }}{{ 'a'|safe ~ '<' }}{{ '<' ~ '>' }}{% "
        + "endautoescape %}",
        "<&lt;>a&lt;&lt;&gt;")]
    [InlineData("{% autoescape true %}{% set t %}<b>{{ '&' }}{% endset %}{{ t }}{{ ['<', '<b>'|safe]|join(',') }}{% endautoescape %}",
        "<b>&amp;&lt;,<b>")]
    [InlineData("{% autoescape true %}{{ {'a': '<'}|xmlattr }}{% filter upper %}<{{ '<a' }}{% endfilter %}{% endautoescape %}",
        " a=\"&lt;\"<&LT;A")]
    [InlineData("{% macro f(x) %}<{{ x }}>{% endmacro %}{% autoescape true %}{{ f('<') }}{% autoescape false %}{{ '<' }}{% endautoescape %}"
        + "{{ '>' }}{% endautoescape %}", "<<><&gt;")]
    [InlineData("{% set x = '<' %}{% autoescape given %}{{ '<' }}{{ x }}{{ x|e ~ '<' }}{% endautoescape %}{{ x }}", "<&lt;&amp;lt;&lt;<")]
    [InlineData("{% set x = '<' %}{% autoescape nope %}{{ x }}{% endautoescape %}", "<")]
    public void Scopes_and_blocks(string template, string expected) =>
        Assert.Equal(expected, Templating.Render(template, """{"given":"G"}"""));

    [Theory]
    [InlineData("{% macro f(a, b='B') %}{{ a }}{{ b }}{% endmacro %}{{ f() }}|{{ f(1) }}|{{ f(b=2, a=1) }}|{{ f(1, none) }}",
        "B|1B|12|1None")]
    [InlineData("{% macro f(a, b=a) %}{{ b }}{% endmacro %}{{ f(7) }}", "7")]
    [InlineData("{% macro f() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, x=2) }}", "(1,){'x': 2}")]
    [InlineData("{% macro f(a) %}{{ caller(a) }}{% endmacro %}{% call(x) f(5) %}<{{ x }}>{% endcall %}", "<5>")]
    [InlineData("{% macro f(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ f(*[1], **{'b': 2}) }}", "12")]
    [InlineData("{% macro f(a, b=2) %}{% endmacro %}{{ f.name }} {{ f.arguments }} {{ f }}", "f ('a', 'b') <Macro 'f'>")]
    [InlineData("{% macro f() %}{{ caller is defined }}{% endmacro %}{{ f() }}", "False")]
    [InlineData("{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.current }}{{ c.next() }}{{ c.next() }}", "abba")]
    [InlineData("{% set j = joiner('|') %}{{ j() }}a{{ j() }}b", "a|b")]
    public void Macros_and_callables(string template, string expected) => Assert.Equal(expected, Templating.Render(template));

    [Theory]
    [InlineData("{{ nope.x }}", TemplateErrorKind.Undefined, "'nope' is undefined")]
    [InlineData("{{ {}.a.b }}", TemplateErrorKind.Undefined, "'dict object' has no attribute 'a'")]
    [InlineData("{{ none.a.b }}", TemplateErrorKind.Undefined, "'None' has no attribute 'a'")]
    [InlineData("{{ nope + 1 }}", TemplateErrorKind.Undefined, "'nope' is undefined")]
    [InlineData("{{ [].append(1) }}", TemplateErrorKind.Security, "access to attribute 'append' of 'list' object is unsafe.")]
    [InlineData("{{ ''.__class__.mro() }}", TemplateErrorKind.Security, "access to attribute '__class__' of 'str' object is unsafe.")]
    [InlineData("{% set ns = namespace() %}{% set ns._a = 1 %}", TemplateErrorKind.Security, "'_a'")]
    [InlineData("{{ raise_exception('no!') }}", TemplateErrorKind.Raised, "no!")]
    [InlineData("{% include 'x' %}", TemplateErrorKind.Other, "no loader")]
    [InlineData("{{ 'a' + 1 }}", TemplateErrorKind.Other, "can only concatenate str (not \"int\") to str")]
    [InlineData("{% for a, b in [[1]] %}{% endfor %}", TemplateErrorKind.Other, "not enough values to unpack (expected 2, got 1)")]
    [InlineData("{{ 1() }}", TemplateErrorKind.Other, "'int' object is not callable")]
    [InlineData("{{ range(100001) }}", TemplateErrorKind.Other, "Range too big")]
    public void Failures(string template, TemplateErrorKind kind, string reason)
    {
        var error = Templating.Fail(template);
        Assert.Equal(kind, error.Kind);
        Assert.Contains(reason, error.Reason);
    }

    [Theory]
    [InlineData("{{ ''.__class__ }}|{{ [].append }}|{{ {}.__len__ is defined }}|{{ {'_a': 1}._a }}", "||False|1")]
    [InlineData("{{ nope }}{{ nope | list }}{{ nope is defined }}{{ nope == nope2 }}{{ [nope] }}", "[]FalseTrue[Undefined]")]
    [InlineData("{{ 'x'.nosuch }}{{ {}['a'] }}{{ [1][5] }}|", "|")]
    public void Undefined_and_withheld_values(string template, string expected) =>
        Assert.Equal(expected, Templating.Render(template));
}
