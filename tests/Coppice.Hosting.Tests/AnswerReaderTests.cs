using Coppice.Text;
using Xunit;

namespace Coppice.Hosting.Tests;

/// <summary>Answers are taken apart the same way however they are cut.</summary>
public sealed class AnswerReaderTests
{
    private static readonly ReasoningFormat Think = new("<think>", "</think>");

    [Theory]
    [InlineData("Hello, world.", "", "Hello, world.", "")]
    [InlineData("<think>\nHm. Well?\n</think>\n\nYes.", "Hm. Well?", "Yes.", "")]
    [InlineData("<think>never closed", "never closed", "", "")]
    [InlineData("a < b and <thin air", "", "a < b and <thin air", "")]
    [InlineData("Later <think>is text</think>.", "", "Later <think>is text</think>.", "")]
    [InlineData("Let me look.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1}}\n</tool_call>",
        "", "Let me look.", "f {\"x\": 1}")]
    [InlineData("<think>t</think><tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>\n"
        + "<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>", "t", "", "f {};g {}")]
    [InlineData("<tool_call>\n{\"name\": \"f\", \"argum", "", "<tool_call>\n{\"name\": \"f\", \"argum", "")]
    [InlineData("ends open <tool_c", "", "ends open <tool_c", "")]
    public void Parts_do_not_depend_on_the_cuts(string answer, string reasoning, string text, string calls)
    {
        var random = new Random(answer.Length);
        for (var round = 0; round < 200; round++)
        {
            var reader = new AnswerReader(Think, ToolCallFormat.Tagged);
            AssertParts(Cut(answer, random).SelectMany(reader.Append).Concat(Ended(reader)), reasoning, text, calls);
        }
    }

    [Fact]
    public void Reasoning_that_the_prompt_began_ends_at_its_mark()
    {
        var random = new Random(1);
        for (var round = 0; round < 100; round++)
        {
            var reader = new AnswerReader(Think, null, beginsInReasoning: true);
            AssertParts(Cut("so it is </thi no </think> So it is.", random).SelectMany(reader.Append).Concat(Ended(reader)),
                "so it is </thi no", "So it is.", "");
        }
    }

    [Fact]
    public void Channels_are_reasoning_text_and_calls()
    {
        const string answer = "<|channel|>analysis<|message|>Think < hard.<|end|>"
            + "<|start|>assistant<|channel|>commentary<|message|>I look.<|end|><|start|>assistant"
            + "<|channel|>commentary to=functions.f <|constrain|>json<|message|>{\"x\": 1}<|call|>";
        var tools = ToolCallFormat.Of("<|channel|>");
        var random = new Random(2);
        for (var round = 0; round < 100; round++)
        {
            var reader = new AnswerReader(ReasoningFormat.Of("<|channel|>"), tools);
            AssertParts(Cut(answer, random).SelectMany(reader.Append).Concat(Ended(reader)), "Think < hard.", "I look.", "f {\"x\": 1}");
        }
    }

    [Fact]
    public void Special_tokens_that_were_generated_are_no_text()
    {
        var reader = new AnswerReader(null, null);
        var parts = new List<AnswerPart>(reader.Append("Done."));
        reader.Drop("<|im_end|>");
        parts.AddRange(reader.Append("<|im_end|>"));
        AssertParts(parts.Concat(Ended(reader)), "", "Done.", "");
    }

    /// <summary>What the end brings, asked for only after all that comes before.</summary>
    private static IEnumerable<AnswerPart> Ended(AnswerReader reader)
    {
        foreach (var part in reader.End()) yield return part;
    }

    private static void AssertParts(IEnumerable<AnswerPart> parts, string reasoning, string text, string calls)
    {
        var all = parts.ToArray();
        Assert.Equal(reasoning, string.Concat(all.Select(part => part.Reasoning)));
        Assert.Equal(text, string.Concat(all.Select(part => part.Text)));
        Assert.Equal(calls,
            string.Join(';', all.Where(part => part.Call is not null).Select(part => $"{part.Call!.Name} {part.Call.Arguments}")));
    }

    private static IEnumerable<string> Cut(string text, Random random)
    {
        for (var at = 0; at < text.Length;)
        {
            var length = Math.Min(random.Next(1, 6), text.Length - at);
            yield return text.Substring(at, length);
            at += length;
        }
    }
}
