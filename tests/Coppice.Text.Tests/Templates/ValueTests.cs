using Xunit;

namespace Coppice.Text.Tests.Templates;

/// <summary>Python's values: numbers, text, their representation, comparison and methods.</summary>
public sealed class ValueTests
{
    [Theory]
    [InlineData("7 // 2, -7 // 2, 7 % -3, -7 % 3", "(3, -4, -2, 2)")]
    [InlineData("7.5 // 2, -7.5 // 2, 7.5 % -2, -0.0 % 3", "(3.0, -4.0, -0.5, 0.0)")]
    [InlineData("6 / 2, 1 / 3, 2 ** -1, 2 ** 70", "(3.0, 0.3333333333333333, 0.5, 1180591620717411303424)")]
    [InlineData("big / 3, big * 10, big % 7, big | float",
        "(4.115226300411523e+28, 1234567890123456789012345678900, 0, 1.2345678901234568e+29)")]
    [InlineData("0.1 + 0.2, 1e16, 1e15, 1e-4, 1e-5, 5e-324, 1.7976931348623157e308",
        "(0.30000000000000004, 1e+16, 1000000000000000.0, 0.0001, 1e-05, 5e-324, 1.7976931348623157e+308)")]
    [InlineData("true + 1, true == 1, 1 == 1.0, '1' == 1, none == false", "(2, True, True, False, False)")]
    [InlineData("big > 1e20, 9007199254740993 == 9007199254740992.0, 1 < 1.5", "(True, False, True)")]
    [InlineData("[1, 'a'] == [1, 'a'], (1,) == [1], {'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "(True, False, True)")]
    [InlineData("[1, 2] < [1, 3], (1,) < (1, 0), 'a' < 'B'", "(True, True, False)")]
    [InlineData("{1: 'a', true: 'b', 1.0: 'c'}", "{1: 'c'}")]
    [InlineData("2.5 | round, 3.5 | round, 2.675 | round(2), 1250 | round(-2), 7 | round, -0.4 | round", "(2.0, 4.0, 2.67, 1200, 7, -0.0)")]
    [InlineData("'42' | int, ' 7 ' | int, '3.9' | int, '1f' | int(0, 16), 'x' | int(-1), '٣' | int, '1e2' | int",
        "(42, 7, 3, 31, -1, 3, 100)")]
    [InlineData("range(-3, 2), range(5, -5, -1), -5 | filesizeformat, '%d' % -7, '{}'.format(-7), -7 ~ '', -7 | string, [-1]",
        "(range(-3, 2), range(5, -5, -1), '-5 Bytes', '-7', '-7', '-7', '-7', [-1])")]
    [InlineData("-1250.5 | round(-2), '%.2f' % -1.5, '%g' % -0.5, '{:,}'.format(-1234567), -1234.5 | tojson, 'a' * -1",
        "(-1300.0, '-1.50', '-0.5', '-1,234,567', '-1234.5', '')")]
    [InlineData("'1.5' | float, 'inf' | float, 'nan' | float, '1_0' | float, 'x' | float", "(1.5, inf, nan, 10.0, 0.0)")]
    public void Numbers(string expression, string expected) =>
        Assert.Equal(expected, Templating.Render($"{{{{ {expression} }}}}", """{"big":123456789012345678901234567890}"""));

    [Theory]
    [InlineData("text | length, text[5], text[-1], text[::-1][0], text[4:6]", "(8, '😀', 'ß', 'ß', 'é😀')")]
    [InlineData("text.find('ß'), text.rfind('a'), text.index('😀'), text.count(''), 'z'.find('', 2)", "(7, 0, 5, 9, -1)")]
    [InlineData("text | upper", "AB CÉ😀 SS")]
    [InlineData("'ΑΣ ΑΣ.'.lower(), 'İ'.lower() | length, 'ﬁx'.capitalize(), 'ǆ'.title()", "('ας ας.', 2, 'Fix', 'ǅ')")]
    [InlineData("\"they're bill's\".title(), \"they're bill's\" | title", "(\"They'Re Bill'S\", \"They're Bill's\")")]
    [InlineData("' a  b '.split(), 'a,b,c'.split(',', 1), 'a,b,c'.rsplit(',', 1), ' a b '.split(none, 1)",
        "(['a', 'b'], ['a', 'b,c'], ['a,b', 'c'], ['a', 'b '])")]
    [InlineData("'a\\r\\nb\\x85c'.splitlines(), 'a\\nb\\n'.splitlines(true)", "(['a', 'b', 'c'], ['a\\n', 'b\\n'])")]
    [InlineData("'abcabc'.partition('c'), 'abcabc'.rpartition('c'), 'a'.rpartition('x')",
        "(('ab', 'c', 'abc'), ('abcab', 'c', ''), ('', '', 'a'))")]
    [InlineData("'xxaxx'.strip('x'), '\\x1c a\\u2003'.strip(), 'abc'.lstrip('ba'), 'abc'.removeprefix('ab')", "('a', 'a', 'c', 'c')")]
    [InlineData("'ab'.center(5, '*'), 'ab'.ljust(4) ~ '|', '-5'.zfill(4), 'a\\tb'.expandtabs(4)", "('**ab*', 'ab  |', '-005', 'a   b')")]
    [InlineData("'aaa'.replace('a', 'b', 2), 'ab'.replace('', '-'), 'hello'.startswith(('x', 'he')), 'hello'.endswith('l', 0, 4)",
        "('bba', '-a-b-', True, True)")]
    [InlineData("'½'.isnumeric(), '½'.isdigit(), '²'.isdigit(), '²'.isdecimal(), 'aB'.islower(), 'Ab C'.istitle(), '1a'.isalnum()",
        "(True, False, True, False, False, True, True)")]
    [InlineData("'-'.join(['a', 'b']), 'a'.swapcase(), 'x'.isidentifier(), 'é'.isascii()", "('a-b', 'A', True, False)")]
    public void Text(string expression, string expected) =>
        Assert.Equal(expected, Templating.Render($"{{{{ {expression} }}}}", """{"text":"ab cé😀 ß"}"""));

    [Theory]
    [InlineData("['it\\'s', 'a\"b\\'c', 'x\\ny\\\\', '\\x00\\x7f\\xa0\\u200b', '😀é']",
        "[\"it's\", 'a\"b\\'c', 'x\\ny\\\\', '\\x00\\x7f\\xa0\\u200b', '😀é']")]
    [InlineData("[none, true, 1.0, (1,), {'a': [{}]}, range(2), range(0, 4, 2)]",
        "[None, True, 1.0, (1,), {'a': [{}]}, range(0, 2), range(0, 4, 2)]")]
    [InlineData("{'a': 1}.keys(), {'a': 1}.values(), {'a': 1}.items()", "(dict_keys(['a']), dict_values([1]), dict_items([('a', 1)]))")]
    [InlineData("'<b>' | safe, '<' | e ~ '<', '<' | e + '<', ['<' | safe]", "(Markup('<b>'), '&lt;<', Markup('&lt;&lt;'), [Markup('<')])")]
    public void Representation(string expression, string expected) => Assert.Equal(expected, Templating.Render($"{{{{ {expression} }}}}"));

    [Theory]
    [InlineData("'%s %r %d %5.1f|%-4d|%04d|%+d|%x|%o|%e|%g|%%|%c' % ('a', 'b', 3, 2.25, 7, 7, 7, 255, 8, 12345.678, 0.00001, 65)",
        "a 'b' 3   2.2|7   |0007|+7|ff|10|1.234568e+04|1e-05|%|A")]
    [InlineData("'%(a)s-%(b)03d' % {'a': 1, 'b': 2}", "1-002")]
    [InlineData("'%.3s|%*d|%#x' % ('abcdef', 4, 7, 255)", "abc|   7|0xff")]
    [InlineData("'{} {1}'.replace('1', '').format(1, 2)", "1 2")]
    [InlineData("'{0}{1}{0}|{a[k]}|{b.real}|{c!r:>5}'.format(1, 2, a={'k': 3}, b=4, c='x')", "121|3|4|  'x'")]
    [InlineData("'{:,} {:_.2f} {:08.3f} {:+} {:^5}| {:x} {:#b} {:e} {:%} {:g}'"
        + ".format(1234567, 1234.5, 3.14159, 5, 'a', 255, 5, 1500.0, 0.25, 1e20)",
        "1,234,567 1_234.50 0003.142 +5   a  | ff 0b101 1.500000e+03 25.000000% 1e+20")]
    [InlineData("'{:>{w}}|{{}}'.format('a', w=3)", "  a|{}")]
    public void Formatting(string expression, string expected) => Assert.Equal(expected, Templating.Render($"{{{{ {expression} }}}}"));

    [Theory]
    [InlineData("%Y-%m-%d %H:%M:%S", "2026-03-05 07:04:09")]
    [InlineData("%d %b %Y|%-d %B|%e|%_H|%I %p|%j|%a %A|%y|%U %W %V %G %u %w",
        "05 Mar 2026|5 March| 5| 7|07 AM|064|Thu Thursday|26|09 09 10 2026 4 4")]
    [InlineData("%D %F %T %R %c|%h|%^a|%s|%Q|%%|%",
        "03/05/26 2026-03-05 07:04:09 07:04 Thu Mar  5 07:04:09 2026|Mar|THU|1772694249|%Q|%|%")]
    public void Times(string format, string expected) => Assert.Equal(expected, Templating.Render($"{{{{ strftime_now('{format}') }}}}"));

    [Fact]
    public void Negative_numbers_are_written_the_same_in_every_culture()
    {
        var input = new ChatTemplateInput { Now = new DateTime(1969, 12, 31, 23, 59, 50) };
        Assert.Equal("-10", new ChatTemplate("{{ strftime_now('%s') }}").Render(input));
        var error = Assert.Throws<TemplateException>(() => Templating.Render("{{ [1][-5].name }}"));
        Assert.Contains("-5", error.Message, StringComparison.Ordinal);
    }
}
