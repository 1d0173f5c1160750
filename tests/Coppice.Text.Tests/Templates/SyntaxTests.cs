using Coppice.Text;
using Xunit;

namespace Coppice.Text.Tests.Templates;

/// <summary>Tags, white space, literals and precedence, from Jinja's template designer documentation.</summary>
public sealed class SyntaxTests
{
    [Theory]
    [InlineData("a\n  {% if true %}\n  b\n  {% endif %}\nc", "a\n  b\nc")]
    [InlineData("a {%- if true -%} b {%- endif -%} c", "abc")]
    [InlineData("  {%+ if true %}x{% endif +%}\ny", "  x\ny")]
    [InlineData("  {# note #}\nx", "x")]
    [InlineData("a{#- note -#} b", "ab")]
    [InlineData("{% raw -%}  {{ x }} {%- endraw %}!", "{{ x }}!")]
    [InlineData("x\n\n", "x\n")]
    [InlineData("a\r\nb\rc", "a\nb\nc")]
    [InlineData("{{ 'a' }}\n", "a")]
    [InlineData("{{ {'a': {'b': 1}}}}", "{'a': {'b': 1}}")]
    [InlineData("{ { % }", "{ { % }")]
    [InlineData("{{- 'x' -}}   y", "xy")]
    [InlineData("{% raw %}", "")]
    public void White_space_and_tags(string template, string expected) => Assert.Equal(expected, Templating.Render(template));

    [Theory]
    [InlineData(@"{{ 'a\tb\x41\u00e9\U0001F600\101' }}", "a\tbAé😀A")]
    [InlineData(@"{{ ""it's"" 'x' }}", "it'sx")]
    [InlineData(@"{{ '\q\é' }}", @"\q\xe9")]
    [InlineData("{{ 1_000 + 0x_1f + 0b11 + 0o17 }}", "1049")]
    [InlineData("{{ 1e3 }} {{ 1.5e-7 }} {{ 2_0.5 }}", "1000.0 1.5e-07 20.5")]
    [InlineData("{{ (1,) }} {{ () }} {{ [1, 2,] }} {{ {'a': 1,} }}", "(1,) () [1, 2] {'a': 1}")]
    [InlineData("{{ 1, 2 }}", "(1, 2)")]
    [InlineData("{{ x.0 }}{{ x[1] }}{{ x[-1] }}", "133")]
    public void Literals(string template, string expected) => Assert.Equal(expected, Templating.Render(template, """{"x":[1,3]}"""));

    [Theory]
    [InlineData("{{ 2 ** 3 ** 2 }}", "64")]
    [InlineData("{{ n ** 2 }} {{ -n ** 2 }}", "9 9")]
    [InlineData("{{ 1 ~ 2 * 3 ~ 4 }}", "164")]
    [InlineData("{{ not 1 == 2 }}", "True")]
    [InlineData("{{ 1 < 2 < 3 > 2 }}", "True")]
    [InlineData("{{ 'a' if 0 else 'b' if 0 else 'c' }}", "c")]
    [InlineData("{{ 1 if 0 }}|", "|")]
    [InlineData("{{ 'x' is string and not 'x' is number }}", "True")]
    [InlineData("{{ 2 not in [1] }} {{ not 2 in [1] }}", "True True")]
    [InlineData("{{ 'a' ~ 'b' | upper }}", "aB")]
    [InlineData("{{ 3 is divisibleby 3 }} {{ 3 is divisibleby(2) }}", "True False")]
    public void Precedence(string template, string expected) => Assert.Equal(expected, Templating.Render(template, """{"n":3}"""));

    [Theory]
    [InlineData("{% if %}", 1)]
    [InlineData("\n\n{{ 1 + }}", 3)]
    [InlineData("{% endfor %}", 1)]
    [InlineData("{% for x in y %}", 1)]
    [InlineData("{{ 'abc }}", 1)]
    [InlineData("{{ (1] }}", 1)]
    [InlineData("{{ a b }}", 1)]
    [InlineData("{# never closed", 1)]
    [InlineData("{% raw %}x", 1)]
    [InlineData("{% set true = 1 %}", 1)]
    [InlineData("{% set f(x) = 1 %}", 1)]
    [InlineData("{% break %}", 1)]
    [InlineData("{% for x in [1] %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}", 1)]
    [InlineData("{% for x in [1] %}{% set loop = 1 %}{% endfor %}", 1)]
    [InlineData("{% block a %}{% endblock %}{% block a %}{% endblock %}", 1)]
    [InlineData("{{ x | nosuch }}", 1)]
    [InlineData("{{ x is nosuch }}", 1)]
    [InlineData("{{ f(a=1, 2) }}", 1)]
    [InlineData("{{ x is string is string }}", 1)]
    [InlineData("{% macro m(a=1, b) %}{% endmacro %}", 1)]
    [InlineData(@"{{ '\xg0' }}", 1)]
    public void Malformed_templates_name_their_line(string template, int line)
    {
        var error = Templating.Fail(template);
        Assert.Equal((TemplateErrorKind.Syntax, line), (error.Kind, error.Line));
        Assert.Contains($"line {line}", error.Message);
    }

    [Fact]
    public void Unknown_filters_within_a_condition_fail_only_when_used()
    {
        Assert.Equal("ok", Templating.Render("{% if false %}{{ 1 | nosuch }}{% endif %}ok"));
        Assert.Equal("ok", Templating.Render("{{ 'ok' if true else 1 is nosuch }}"));
        Assert.Equal(TemplateErrorKind.Other, Templating.Fail("{% if true %}{{ 1 | nosuch }}{% endif %}").Kind);
    }

    [Fact]
    public void Errors_of_rendering_name_the_line_of_the_expression()
    {
        var error = Templating.Fail("{% macro m() %}\n{{ 1 }}\n{% endmacro %}\n{{ m() }}\n{{ 1 +\n  nope }}");
        Assert.Equal((TemplateErrorKind.Undefined, 5, "'nope' is undefined"), (error.Kind, error.Line, error.Reason));
    }
}
