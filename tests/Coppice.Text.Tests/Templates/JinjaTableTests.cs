using Coppice.Text.Templates;
using Xunit;

namespace Coppice.Text.Tests.Templates;

/// <summary>The table of Jinja's tags, filters, tests and globals in Templates/README.md: every example gives what it says.</summary>
public sealed class JinjaTableTests
{
    private const string Absent = "not there";

    /// <summary>Kind, name, example or "not there", and the text that jinja2 3.1.6 made of it or the reason.</summary>
    private sealed record Row(string Kind, string Name, string Example, string Gives);

    private static readonly IReadOnlyList<Row> Rows = [.. Read()];

    [Fact]
    public void Every_example_gives_what_Jinja_gives()
    {
        var wrong = Rows.Where(row => row.Example != Absent && Templating.Render(row.Example) != row.Gives)
            .Select(row => $"{row.Kind} {row.Name}: {row.Example} gives {Templating.Render(row.Example)}, expected {row.Gives}").ToArray();
        Assert.True(wrong.Length == 0, string.Join('\n', wrong));
        Assert.True(Rows.Count(row => row.Example != Absent) > 110);
    }

    /// <summary>Whoever uses it learns that it is not there, by name.</summary>
    [Theory]
    [InlineData("{% include 'x' %}"), InlineData("{% extends 'x' %}"), InlineData("{% import 'x' as y %}"),
        InlineData("{% from 'x' import y %}")]
    [InlineData("{% do x %}"), InlineData("{% debug %}"), InlineData("{% trans %}a{% endtrans %}"), InlineData("{{ [1]|random }}")]
    [InlineData("{{ 'a'|urlize }}"), InlineData("{{ lipsum() }}"), InlineData("{% block b %}{{ super() }}{% endblock %}")]
    public void What_is_not_there_is_an_error(string template) => Assert.NotEmpty(Templating.Fail(template).Reason);

    [Fact]
    public void All_filters_and_tests_that_there_are_have_a_row()
    {
        foreach (var (kind, names) in ((string, IEnumerable<string>)[])[("filter", FilterTable.Names), ("test", TestTable.Names)])
        {
            var rows = Rows.Where(row => row.Kind == kind).Select(row => row.Name).ToHashSet();
            Assert.Empty(names.Except(rows));
            Assert.Empty(rows.Except(names));
        }
    }

    private static IEnumerable<Row> Read()
    {
        foreach (var line in File.ReadLines(Path.Combine(Folder(), "README.md")))
        {
            var cells = line.Replace("\\|", "\0", StringComparison.Ordinal).Split(" | ");
            if (cells.Length != 4 || cells[0] is not ("| tag" or "| filter" or "| test" or "| global")) continue;
            yield return new Row(cells[0][2..], Text(cells[1]), Text(cells[2]), Text(cells[3][..^2]));
        }
    }

    private static string Text(string cell) => cell.Trim('`').Replace('\0', '|');

    private static string Folder()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var candidate = Path.Combine(folder.FullName, "src", "Coppice.Text", "Templates");
            if (Directory.Exists(candidate)) return candidate;
        }
        throw new DirectoryNotFoundException("src/Coppice.Text/Templates was not found above the test binary.");
    }
}
