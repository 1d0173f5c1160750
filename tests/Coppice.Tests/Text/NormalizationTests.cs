using Coppice.Text.Unicode;
using CsCheck;
using Xunit;

namespace Coppice.Tests.Text;

public sealed class NormalizationTests
{
    private static readonly Gen<string> Texts = Gen.OneOf(Gen.Int[0, 0x2FF], Gen.Int[0x300, 0x36F], Gen.Int[0x370, 0xD7FF],
        Gen.Int[0xE000, 0x1FFFF])
        .Array[0, 12].Select(letters => string.Concat(letters.Select(char.ConvertFromUtf32)));

    // Expected values: Unicode Standard Annex 15 and the data files of Unicode 9.
    [Theory]
    [InlineData("e\u0301", "\u00e9", "e\u0301", "\u00e9", "e\u0301")]
    [InlineData("\u212B", "\u00C5", "A\u030A", "\u00C5", "A\u030A")]
    [InlineData("\uFB01\u2460\uFF21\u00BD", "\uFB01\u2460\uFF21\u00BD", "\uFB01\u2460\uFF21\u00BD", "fi1A1\u20442", "fi1A1\u20442")]
    [InlineData("\u1E9B\u0323", "\u1E9B\u0323", "\u017F\u0323\u0307", "\u1E69", "s\u0323\u0307")]
    [InlineData("\uAC01", "\uAC01", "\u1100\u1161\u11A8", "\uAC01", "\u1100\u1161\u11A8")]
    [InlineData("\u1100\u1161\u11A8", "\uAC01", "\u1100\u1161\u11A8", "\uAC01", "\u1100\u1161\u11A8")]
    [InlineData("q\u0307\u0323", "q\u0323\u0307", "q\u0323\u0307", "q\u0323\u0307", "q\u0323\u0307")]
    [InlineData("\u0958", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C")]
    [InlineData("\U0001D15E", "\U0001D157\U0001D165", "\U0001D157\U0001D165", "\U0001D157\U0001D165", "\U0001D157\U0001D165")]
    [InlineData("\u0F43", "\u0F42\u0FB7", "\u0F42\u0FB7", "\u0F42\u0FB7", "\u0F42\u0FB7")]
    [InlineData("a\u0315\u0300\u05AE\u0300b", "\u00E0\u05AE\u0300\u0315b", "a\u05AE\u0300\u0300\u0315b", "\u00E0\u05AE\u0300\u0315b",
        "a\u05AE\u0300\u0300\u0315b")]
    [InlineData("\u3392", "\u3392", "\u3392", "MHz", "MHz")]
    public void Forms_are_those_of_the_standard(string text, string c, string d, string kc, string kd)
    {
        Assert.Equal(c, Normalization.Apply(text, compose: true, compatible: false));
        Assert.Equal(d, Normalization.Apply(text, compose: false, compatible: false));
        Assert.Equal(kc, Normalization.Apply(text, compose: true, compatible: true));
        Assert.Equal(kd, Normalization.Apply(text, compose: false, compatible: true));
    }

    [Fact]
    public void Forms_keep_the_identities_of_the_standard() => Texts.Sample(text =>
    {
        string C(string value) => Normalization.Apply(value, true, false);
        string D(string value) => Normalization.Apply(value, false, false);
        string CompatibleC(string value) => Normalization.Apply(value, true, true);
        string CompatibleD(string value) => Normalization.Apply(value, false, true);
        Assert.Equal(C(text), C(C(text)));
        Assert.Equal(C(text), C(D(text)));
        Assert.Equal(D(text), D(C(text)));
        Assert.Equal(CompatibleC(text), C(CompatibleD(text)));
        Assert.Equal(CompatibleD(text), CompatibleD(D(text)));
        Assert.Equal(CompatibleC(text), CompatibleC(CompatibleC(text)));
    }, iter: 5000);
}
