using System.Text.Json;
using Coppice.Text;
using Xunit;

namespace Coppice.Text.Tests.Templates;

/// <summary>What a template sees of its input.</summary>
public sealed class ChatTemplateTests
{
    private static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;

    private static string Render(string template, string recorded) =>
        new ChatTemplate(template).Render(ChatTemplateInput.FromJson(Json(recorded)));

    [Fact]
    public void Typed_messages_tools_and_variables_reach_the_template()
    {
        var input = new ChatTemplateInput
        {
            Messages = [new ChatMessage("user", "Hi"), new ChatMessage(Json("""{"role":"tool","n":1.0}"""))],
            Tools = Json("""[{"b":1,"a":2}]"""),
            Documents = Json("[1]"),
            AddGenerationPrompt = true,
        };
        input = input.WithVariable("bos_token", "<s>").WithVariable("enable_thinking", false).WithVariable("x", Json("[null]"));
        var template = new ChatTemplate("{{ bos_token }}{{ messages }}{{ tools }}{{ documents }}"
            + "{{ add_generation_prompt }}{{ enable_thinking }}{{ x }}");
        Assert.Equal("<s>[{'role': 'user', 'content': 'Hi'}, {'role': 'tool', 'n': 1.0}]"
            + "[{'b': 1, 'a': 2}][1]TrueFalse[None]", template.Render(input));
    }

    [Fact]
    public void What_is_not_given_is_none_and_not_undefined() => Assert.Equal("[]NoneNoneFalse",
        new ChatTemplate("{{ messages }}{{ tools }}{{ documents }}{{ add_generation_prompt }}").Render(new ChatTemplateInput()));

    [Theory]
    [InlineData("""{"role":"a","content":null}""", "{'role': 'a'}")]
    [InlineData("""{"thinking":"t","role":"a"}""", "{'thinking': 't', 'role': 'a', 'reasoning_content': 't'}")]
    [InlineData("""{"reasoning":"r"}""", "{'reasoning': 'r', 'reasoning_content': 'r', 'thinking': 'r'}")]
    [InlineData("""{"reasoning_content":null,"reasoning":"r"}""", "{'reasoning': 'r', 'reasoning_content': 'r', 'thinking': 'r'}")]
    [InlineData("""{"reasoning_content":"c","thinking":"t"}""", "{'reasoning_content': 'c', 'thinking': 't'}")]
    [InlineData("""{"content":[{"text":null}]}""", "{'content': [{'text': None}]}")]
    public void Messages_are_arranged_as_apply_chat_template_arranges_them(string message, string expected)
    {
        Assert.Equal(expected, Render("{{ messages[0] }}", $$"""{"messages":[{{message}}]}"""));
        var untouched = ChatTemplateInput.FromJson(Json($$"""{"messages":[{{message}}]}""")) with { LeaveMessages = true };
        Assert.Equal(message.Replace("null", "None").Replace("\"", "'").Replace(":", ": ").Replace(",", ", "),
            new ChatTemplate("{{ messages[0] }}").Render(untouched));
    }

    [Theory]
    [InlineData("1", "1")]
    [InlineData("1.0", "1.0")]
    [InlineData("1e2", "100.0")]
    [InlineData("-0", "0")]
    [InlineData("-0.0", "-0.0")]
    [InlineData("123456789012345678901234567890", "123456789012345678901234567890")]
    [InlineData("""{"a":1,"b":2,"a":3}""", "{'a': 3, 'b': 2}")]
    [InlineData("\"\\ud83d\\ude00\"", "😀")]
    public void Json_becomes_what_python_makes_of_it(string json, string expected) =>
        Assert.Equal(expected, Render("{{ x }}", $$$"""{"messages":[],"variables":{"x":{{{json}}}}}"""));

    [Fact]
    public void An_unpaired_surrogate_stays_one_character()
    {
        Assert.Equal("a\ud83d\né\"|5", Render("{{ x }}|{{ x | length }}",
            """{"messages":[],"variables":{"x":"a\ud83d\n\u00e9\""}}"""));
    }

    [Fact]
    public void The_time_is_an_argument()
    {
        Assert.Equal("2026-11-23T12:34:56",
            Render("{{ strftime_now('%Y-%m-%dT%H:%M:%S') }}", """{"messages":[],"now":"2026-11-23T12:34:56"}"""));
        var error = Assert.Throws<TemplateException>(() => Render("{{ strftime_now('%Y') }}", """{"messages":[]}"""));
        Assert.Contains("none was given", error.Reason);
    }

    [Fact]
    public void A_case_may_bring_its_own_template()
    {
        Assert.Equal("None", ChatTemplate.RenderCase(Json("""{"template":"{{ messages[0].x }}","messages":[{"x":null}]}"""), null));
        Assert.Equal("T", ChatTemplate.RenderCase(Json("""{"messages":[]}"""), new ChatTemplate("T")));
        Assert.Throws<TemplateException>(() => ChatTemplate.RenderCase(Json("""{"messages":[]}"""), null));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("""{"messages":{}}""")]
    [InlineData("""{"messages":[],"variables":[]}""")]
    [InlineData("""{"messages":[],"now":"yesterday"}""")]
    [InlineData("""{"messages":[],"tools":1}""")]
    public void Malformed_cases_are_refused(string recorded) =>
        Assert.Throws<TemplateException>(() => ChatTemplateInput.FromJson(Json(recorded)));

    [Fact]
    public void One_template_renders_on_many_threads()
    {
        var template = new ChatTemplate("{% macro f(x) %}{{ x }}{% endmacro %}{% for i in range(n) %}{{ f(i) }}{% endfor %}");
        Parallel.For(0, 200, n =>
        {
            var text = template.Render(new ChatTemplateInput().WithVariable("n", JsonSerializer.SerializeToElement(n)));
            Assert.Equal(string.Concat(Enumerable.Range(0, n)), text);
        });
    }
}
