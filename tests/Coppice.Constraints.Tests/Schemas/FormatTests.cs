using System.Text;
using Coppice.Constraints.Tests.Support;

namespace Coppice.Constraints.Tests.Schemas;

/// <summary>Formats that a pattern alone says too little of.</summary>
public sealed class FormatTests
{
    /// <summary>RFC 3339, 5.7: a second 60 stands where it is 23:59 in UTC. Most are of the official suite, optional/format.</summary>
    [Theory]
    [InlineData("23:59:60Z", true)]
    [InlineData("22:59:60Z", false)]
    [InlineData("23:58:60z", false)]
    [InlineData("23:59:60+00:00", true)]
    [InlineData("22:59:60+00:00", false)]
    [InlineData("23:58:60+00:00", false)]
    [InlineData("01:29:60+01:30", true)]
    [InlineData("23:29:60+23:30", true)]
    [InlineData("23:59:60+01:00", false)]
    [InlineData("23:59:60+00:30", false)]
    [InlineData("15:59:60-08:00", true)]
    [InlineData("15:59:60.123-08:00", true)]
    [InlineData("00:29:60-23:30", true)]
    [InlineData("23:59:60-01:00", false)]
    [InlineData("23:59:60-00:30", false)]
    [InlineData("00:59:60+01:00", true)]
    [InlineData("23:59:59+01:00", true)]
    public void A_leap_second_comes_at_midnight_only(string time, bool isValid)
    {
        var vocabulary = Vocabularies.Small;
        Assert.Equal(isValid, JsonSchema.Compile("""{"type":"string","format":"time"}""", vocabulary).Accepts(Quoted(time)));
        var both = JsonSchema.Compile("""{"type":"string","format":"date-time"}""", vocabulary);
        Assert.Equal(isValid, both.Accepts(Quoted($"1998-12-31T{time}")));
    }

    private static byte[] Quoted(string text) => Encoding.UTF8.GetBytes($"\"{text}\"");
}
