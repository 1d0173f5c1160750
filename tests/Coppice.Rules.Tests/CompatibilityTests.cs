using Coppice.Rules.Tests.Support;
using Xunit;

namespace Coppice.Rules.Tests;

/// <summary>
/// A host program written against commit 09aafa1 still compiles: every public member that its library had is there, with the same
/// signature.
/// </summary>
/// <remarks>
/// PublicApi.09aafa1.txt is that commit's list with Coppice.Speculation called Coppice.Drafting. Members may have moved to another assembly
/// that the library refers to. Names that hosts should leave are marked obsolete, not removed.
/// </remarks>
public sealed class CompatibilityTests
{
    private const string Former = "tests/Coppice.Rules.Tests/PublicApi.09aafa1.txt";

    /// <summary>Members that have left on purpose, each with its reason.</summary>
    private static readonly Dictionary<string, string> Left = new()
    {
        ["Coppice.GenerationResult.AllocatedBytesPerToken.get -> double"] =
            "measured the engine, not the text: tests of allocations have it",
        ["Coppice.GenerationResult.AllocatedBytesPerToken.init -> void"] = "as its getter",
    };

    /// <summary>Former names, which must stay as aliases that the compiler warns of.</summary>
    private static readonly (Type Type, string Member)[] Aliases =
    [
        (typeof(LanguageModel), "MaxTokens"),
        (typeof(ModelOptions), "MaxTokens"),
    ];

    [Fact]
    public void Every_public_member_of_former_hosts_is_still_there()
    {
        var former = Lines(Path.Combine(SourceTree.Root, Former)).ToArray();
        Assert.True(former.Length > 600, "the former list is not whole");
        Assert.Contains("Coppice.LanguageModel.NewSession() -> Coppice.Session!", former);
        Assert.Empty(former.Except(Today()).Except(Left.Keys));
    }

    [Fact]
    public void What_has_left_was_there_and_is_gone()
    {
        Assert.Empty(Left.Keys.Except(Lines(Path.Combine(SourceTree.Root, Former))));
        Assert.Empty(Left.Keys.Intersect(Today()));
    }

    [Fact]
    public void Former_names_are_obsolete_aliases() => Assert.All(Aliases, alias =>
    {
        var property = alias.Type.GetProperty(alias.Member);
        Assert.NotNull(property);
        Assert.NotNull(Attribute.GetCustomAttribute(property, typeof(ObsoleteAttribute)));
    });

    /// <summary>The lists of today: an analyzer holds them equal to the code.</summary>
    private static HashSet<string> Today()
    {
        var lists = SourceTree.Files(Path.Combine(SourceTree.Root, "src"), ".txt")
            .Where(path => Path.GetFileName(path).StartsWith("PublicAPI.", StringComparison.Ordinal)).ToArray();
        Assert.NotEmpty(lists);
        return [.. lists.SelectMany(Lines)];
    }

    private static IEnumerable<string> Lines(string path) =>
        File.ReadLines(path).Where(line => line.Length > 0 && !line.StartsWith('#'));
}
