using System.Diagnostics;
using Coppice.Text;
using Xunit;

namespace Coppice.Text.Tests.Templates;

/// <summary>Templates that would run for ever, or fill memory or the stack, end in an error and soon.</summary>
public sealed class LimitTests
{
    private static string Repeat(string text, int times) => string.Concat(Enumerable.Repeat(text, times));

    public static TheoryData<string> Endless =>
    [
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(x) %}{{ f(x ~ x) }}{% endmacro %}{{ f('ab') }}",
        "{% for x in [1] recursive %}{{ loop([x]) }}{% endfor %}",
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% for a in range(100000) %}{% for b in range(100000) %}{{ a }}{% endfor %}{% endfor %}",
        "{{ 'x' * 1000000000 }}",
        "{{ [0] * 1000000000 }}",
        "{% set ns = namespace(s='xxxxxxxxxx') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
        "{% set ns = namespace(l=[1]) %}{% for i in range(100) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l | tojson }}",
        "{% set ns = namespace(a=1, b=1) %}{% for i in range(100) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}"
            + "{{ ns.a == ns.b }}",
        "{% set ns = namespace(l=(1,)) %}{% for i in range(100) %}{% set ns.l = (ns.l, ns.l) %}{% endfor %}{{ {ns.l: 1} }}",
        "{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
        "{% set ns = namespace(l=[]) %}{% for i in range(99999) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l | tojson }}",
        "{% set ns = namespace(g=[1]) %}{% for i in range(99999) %}{% set ns.g = ns.g | map('int') %}{% endfor %}{{ ns.g | list }}",
        "{% set ns = namespace(n=3) %}{% for i in range(100) %}{% set ns.n = ns.n * ns.n %}{% endfor %}{{ ns.n }}",
        "{{ 2 ** 100000 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ '%.1000000000f' % 1.0 }}",
        "{{ 'a'.center(1000000000) }}{{ 'a'.zfill(1000000000) }}",
        "{{ ('a' * 1000000).replace('', 'b' * 1000) }}",
        "{{ ('a' * 1000000) | list | join('b' * 1000) }}",
        "{{ '\t'.expandtabs(1000000000) }}",
        "{{ [[1]] | tojson(indent=1000000000) }}",
        "{{ 'a' | indent(1000000000, true) }}",
        "{{ range(100000) | batch(1000000000, 0) | list }}",
        "{{ [] | slice(1000000000) | list }}",
        "{% set l = range(100000) | list %}{% for x in l %}{{ l | sort | length }}{% endfor %}",
        "{% set s = 'ab' * 1000000 %}{% for x in range(100000) %}{{ 'c' in s }}{% endfor %}",
        "{% set s = '😀' * 1000000 %}{% for x in range(100000) %}{{ s[x] }}{% endfor %}",
        Repeat("(", 5000) + "1" + Repeat(")", 5000),
        "{{ " + Repeat("[", 5000) + Repeat("]", 5000) + " }}",
        "{{ " + Repeat("-", 5000) + "1 }}",
        "{{ " + Repeat("not ", 5000) + "1 }}",
        Repeat("{% if 1 %}", 5000) + Repeat("{% endif %}", 5000),
        "{{ " + Repeat("1 if 1 else ", 5000) + "1 }}",
        "{{ x" + Repeat("|list", 200_000) + " }}",
        "{{ 1" + Repeat(" + 1", 200_000) + " }}",
        "{{ {}" + Repeat(".x", 200_000) + " }}",
    ];

    [Theory, MemberData(nameof(Endless))]
    public void Ends_soon_in_an_error(string template)
    {
        var clock = Stopwatch.StartNew();
        if (template[0] == '(') template = "{{ " + template + " }}";
        var error = Templating.Fail(template, """{"x":[]}""", new TemplateLimits { MaxSteps = 3_000_000 });
        Assert.True(error.Kind == TemplateErrorKind.Limit, error.Message);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"took {clock.Elapsed}");
    }

    [Fact]
    public void Limits_can_be_set()
    {
        const string Template = "{% for x in range(100) %}{{ x }}{% endfor %}";
        Assert.Equal(190, Templating.Render(Template).Length);
        Assert.Equal(TemplateErrorKind.Limit, Templating.Fail(Template, limits: new TemplateLimits { MaxSteps = 100 }).Kind);
        Assert.Equal(TemplateErrorKind.Limit, Templating.Fail(Template, limits: new TemplateLimits { MaxCharacters = 100 }).Kind);
        Assert.Equal(TemplateErrorKind.Limit, Templating.Fail("{{ [[[[1]]]] }}", limits: new TemplateLimits { MaxDepth = 4 }).Kind);
    }

    [Fact]
    public void A_deep_template_on_a_small_stack_is_an_error_and_not_a_crash()
    {
        Exception? error = null;
        var thread = new Thread(() => error = Record.Exception(() =>
            Templating.Render("{% macro f() %}{{ [f() | list | join('') ~ 'x'] }}{% endmacro %}{{ f() }}")), 256 << 10);
        thread.Start();
        thread.Join();
        Assert.Equal(TemplateErrorKind.Limit, Assert.IsType<TemplateException>(error).Kind);
    }
}
