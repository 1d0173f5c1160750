using System.Text;
using Coppice.Rules.Tests.Support;
using Coppice.Unicode;
using Xunit;

namespace Coppice.Rules.Tests;

/// <summary>
/// The Unicode tables in the repository are what the program writes from its data files. The runtime has no part in it: another version of
/// .NET writes the same.
/// </summary>
public sealed class UnicodeTableTests
{
    private const string Advice = "change the data in eng/Coppice.Unicode/Data, then `dotnet run --project eng/Coppice.Unicode`";

    public static TheoryData<string> Paths => [.. Table.All.Select(table => table.Path)];

    [Theory, MemberData(nameof(Paths))]
    public void A_table_is_what_its_data_say(string path)
    {
        var file = Path.Combine(SourceTree.Root, path);
        Assert.True(File.Exists(file), $"{path} is missing; {Advice}");
        // A checkout may have changed the line ends, and nothing else.
        var found = Encoding.UTF8.GetString(File.ReadAllBytes(file)).Replace("\r\n", "\n", StringComparison.Ordinal);
        var written = Table.All.Single(table => table.Path == path).Text;
        var alike = found.Split('\n').Zip(written.Split('\n')).TakeWhile(pair => pair.First == pair.Second).Count();
        Assert.True(found == written, $"{path}:{alike + 1}: not what is written; {Advice}");
    }

    [Fact]
    public void Every_file_that_says_so_is_written_by_the_program()
    {
        var files = SourceTree.CSharp("src")
            .Where(file => file.Lines[0].StartsWith("// Written by eng/Coppice.Unicode", StringComparison.Ordinal));
        Assert.Equal(Table.All.Select(table => table.Path).Order(StringComparer.Ordinal), files.Select(file => file.Path));
    }

    /// <summary>What refreshing reads from a runtime is what is written, or the runtime knows more letters.</summary>
    [Fact]
    public void Casing_that_the_runtime_has_contains_what_is_written()
    {
        var data = DataFile.Lines(CaseTable.Source).Where(line => line[0] is "upper" or "lower").SelectMany(Letters).ToHashSet();
        var refreshed = RuntimeCasing.Refreshed("").Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' '));
        Assert.True(data.Count > 2500, $"{data.Count} mappings");
        Assert.Empty(data.Except(refreshed.SelectMany(Letters)));
    }

    private static IEnumerable<(string Kind, int Letter, string Distance)> Letters(string[] line)
    {
        var (first, last) = DataFile.Run(line[1]);
        var step = line[2] == "2" ? 2 : 1;
        for (var letter = first; letter <= last; letter += step) yield return (line[0], letter, line[3]);
    }
}
