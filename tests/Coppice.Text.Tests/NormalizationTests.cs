using System.Diagnostics;
using System.Text;
using Coppice.Text.Unicode;
using CsCheck;
using Xunit;
using NormalizationForm = Coppice.Text.Unicode.NormalizationForm;

namespace Coppice.Text.Tests;

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

    /// <summary>Texts made of what the forms change and of what they leave, so that stretches of both meet everywhere.</summary>
    [Fact]
    public void Rewriting_stretches_equals_rewriting_the_whole()
    {
        var changing = NormalizationData.Letters.Where(letter => letter is < 0xD800 or > 0xDFFF).ToArray();
        var letters = Gen.OneOf(Gen.Int[0, changing.Length - 1].Select(i => changing[i]), Gen.Int[0x1100, 0x11FF], Gen.Int[0xAC00, 0xAC40],
            Gen.Int[0x300, 0x315], Gen.Int[0x20, 0x7E], Gen.Int[0xC0, 0x17F], Gen.Int[0x4E00, 0x4E10]);
        letters.Array[0, 24].Select(chosen => string.Concat(chosen.Select(char.ConvertFromUtf32))).Sample(text =>
        {
            foreach (var (compose, compatible) in new[] { (true, false), (false, false), (true, true), (false, true) })
            {
                var form = new List<int>();
                Form(compose, compatible).Rewrite(text, form);
                Assert.Equal(string.Concat(form.Select(char.ConvertFromUtf32)), Normalization.Apply(text, compose, compatible));
            }
        }, iter: 20_000);
    }

    private static NormalizationForm Form(bool compose, bool compatible) => Forms[(compose ? 1 : 0) + (compatible ? 2 : 0)];

    private static readonly NormalizationForm[] Forms =
        [new(false, false), new(true, false), new(false, true), new(true, true)];

    [Fact]
    public void Half_a_pair_is_replaced_and_a_whole_one_kept()
    {
        string Form(string text) => Normalization.Apply(text, compose: true, compatible: false);
        Assert.Equal("a\uFFFD", Form("a\uD83D"));
        Assert.Equal("\uFFFD\u00E9", Form("\uDE00e\u0301"));
        Assert.Equal("\uD83D\uDE00\u2019", Form("\uD83D\uDE00\u2019"));
    }

    [Fact]
    public void A_text_in_its_form_is_returned_as_it_is()
    {
        var text = new string('a', 1000) + "\u2019 caf\u00E9 \u4E2D\u6587 \uAC01 \U0001F642";
        Assert.Same(text, Normalization.Apply(text, compose: true, compatible: false));
        Assert.Same(text, Normalization.Apply(text, compose: true, compatible: true));
    }

    /// <summary>What a text that needs no change costs does not depend on a few characters beyond Latin in it.</summary>
    [Theory]
    [InlineData("\u2019", true, false)]
    [InlineData("\u2019", false, true)]
    [InlineData("\u00E9", true, true)]
    [InlineData("\u0301", true, false)]
    [InlineData("\uFB01", true, true)]
    [InlineData("\u00E9", false, false)]
    public void One_character_does_not_slow_down_a_long_text(string one, bool compose, bool compatible)
    {
        var plain = string.Concat(Enumerable.Repeat("The quick brown fox jumps over the lazy dog. ", 40_000));
        var text = plain[..(plain.Length / 2)] + one + plain[(plain.Length / 2)..];
        // A copy is what a change in the middle costs at least.
        var changes = Normalization.Apply(one, compose, compatible) != one || one == "\u0301";
        var (with, without) = (double.MaxValue, double.MaxValue);
        for (var round = 0; round < 30; round++)
        {
            with = Math.Min(with, Milliseconds(() => Normalization.Apply(text, compose, compatible)));
            without = Math.Min(without, Milliseconds(() => Normalization.Apply(plain, compose, compatible)));
        }
        Assert.True(with < 2 * without + (changes ? CopyMilliseconds(text) : 0), $"{with:f3} ms with {one}, {without:f3} ms without");
    }

    private static double CopyMilliseconds(string text) =>
        Enumerable.Range(0, 30).Min(_ => Milliseconds(() => new StringBuilder(text.Length + 16).Append(text).ToString())) * 2;

    private static double Milliseconds(Func<string> work)
    {
        var clock = Stopwatch.StartNew();
        work();
        return clock.Elapsed.TotalMilliseconds;
    }
}
