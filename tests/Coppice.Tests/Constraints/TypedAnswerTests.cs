using System.Text.Json.Serialization;
using Coppice.Drafting;
using Xunit;

namespace Coppice.Tests.Constraints;

/// <summary>Answers that are read back as objects of a type.</summary>
public sealed class TypedAnswerTests(ConstrainedTextTests.Tiny tiny) : IClassFixture<ConstrainedTextTests.Tiny>
{
    private const string Prompt = "Returns the number of";

    [Fact]
    public async Task An_answer_is_an_object_of_its_type_by_reflection_and_by_generated_code()
    {
        var seen = new HashSet<Kind>();
        for (var seed = 0UL; seed < 12; seed++)
        {
            using var session = tiny.Model.NewSession();
            var options = new GenerationOptions { MaxTokens = 160, Temperature = 1.2f, Seed = seed, Drafter = new AutoDrafterOptions() };
            var one = await session.GenerateAsync<Member>(Prompt, options, TestContext.Current.CancellationToken);
            var other = await session.GenerateAsync(Prompt, MemberJson.Default.Member, options, TestContext.Current.CancellationToken);
            Assert.Equal(one.Name, other.Name);
            Assert.Equal((one.Kind, one.Line, one.Small, one.Ratio), (other.Kind, other.Line, other.Small, other.Ratio));
            Assert.Equal(one.Tags, other.Tags);
            Assert.NotNull(one.Name);
            Assert.NotNull(one.Tags);
            seen.Add(one.Kind);
        }
        Assert.True(seen.Count > 1);
    }

    [Fact]
    public async Task An_answer_that_is_cut_is_an_error_that_says_so()
    {
        using var session = tiny.Model.NewSession();
        var cut = await Assert.ThrowsAsync<InvalidOperationException>(
            () => session.GenerateAsync<Member>(Prompt, new GenerationOptions { MaxTokens = 5 }, TestContext.Current.CancellationToken));
        Assert.Contains("MaxTokens", cut.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ArgumentException>(
            () => session.GenerateAsync<Member>(Prompt, new GenerationOptions { Schema = "{}" }, TestContext.Current.CancellationToken));
    }

    [JsonConverter(typeof(JsonStringEnumConverter<Kind>))]
    internal enum Kind { Method, Property, Field }

    internal sealed record Member(string Name, Kind Kind, int Line, byte Small, double? Ratio, List<string> Tags);
}

[JsonSerializable(typeof(TypedAnswerTests.Member))]
internal sealed partial class MemberJson : JsonSerializerContext;
