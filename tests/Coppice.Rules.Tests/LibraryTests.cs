using System.Reflection;
using System.Xml.Linq;
using Coppice.Rules.Tests.Support;
using Xunit;

namespace Coppice.Rules.Tests;

/// <summary>What Directory.Build.props gives to libraries: a list of public members that an analyzer holds, and documentation.</summary>
public sealed class LibraryTests
{
    /// <summary>The projects whose packages others reference: all that make no program.</summary>
    public static TheoryData<string> Libraries =>
        [.. new[] { "src", "kernels" }.SelectMany(folder => SourceTree.Files(Path.Combine(SourceTree.Root, folder), ".csproj"))
            .Where(path => !File.ReadAllText(path).Contains("<OutputType>Exe", StringComparison.Ordinal)).Select(SourceTree.Relative)];

    [Fact]
    public void There_are_seven() => Assert.Equal(7, Libraries.Count);

    [Theory, MemberData(nameof(Libraries))]
    public void Public_members_are_listed(string project)
    {
        var folder = Path.GetDirectoryName(Path.Combine(SourceTree.Root, project))!;
        Assert.All(["PublicAPI.Shipped.txt", "PublicAPI.Unshipped.txt"],
            name => Assert.StartsWith("#nullable enable", File.ReadAllText(Path.Combine(folder, name)), StringComparison.Ordinal));
    }

    /// <summary>The compiler warns of members without documentation only where it writes the file, which packages take.</summary>
    [Theory, MemberData(nameof(Libraries))]
    public void Documentation_has_every_public_type(string project)
    {
        var name = Path.GetFileNameWithoutExtension(project);
        var documented = XDocument.Load(Path.Combine(AppContext.BaseDirectory, $"{name}.xml")).Descendants("member")
            .Select(member => (string)member.Attribute("name")!).ToHashSet(StringComparer.Ordinal);
        var types = Assembly.Load(name).GetExportedTypes().Select(type => $"T:{type.FullName!.Replace('+', '.')}").ToArray();
        Assert.NotEmpty(types);
        Assert.Empty(types.Except(documented));
    }
}
